/** The tables that every client is held to, in whatever language. */
import { describe, expect, test } from 'vitest'
import ordering from '../../../tests/vectors/ordering.json' with { type: 'json' }
import topicVectors from '../../../tests/vectors/topics.json' with { type: 'json' }
import type { Message } from './messages.ts'
import { isNewerBalance, isNewerProgress } from './ordering.ts'
import { credits, progress } from './testing.ts'
import { parseTopic } from './topics.ts'
import { DEVICE_ID, ID } from './wire.generated.ts'

interface State {
  readonly status?: string
  readonly run?: number
  readonly sequence?: number
  readonly timestamp?: number
}

function progressOf({ timestamp = 0, ...data }: State): Message<'SHOOT_PROGRESS'> {
  const { sequence: _, ...rest } = progress(0).data
  return { ...progress(0), timestamp, data: { ...rest, ...data } as Message<'SHOOT_PROGRESS'>['data'] }
}

function balanceOf({ timestamp = 0, sequence }: State): Message<'CREDIT_UPDATE'> {
  const { sequence: _, ...rest } = credits(1).data
  return { ...credits(1), timestamp, data: { ...rest, ...(sequence !== undefined && { sequence }) } }
}

describe('progress never goes back', () => {
  test.each(ordering.progress.map((row) => [row.name, row] as const))('%s', (_, row) => {
    const known = row.known === null ? undefined : progressOf(row.known)
    expect(isNewerProgress(progressOf(row.new), known)).toBe(row.replaces)
  })
})

describe('an older balance is dropped', () => {
  test.each(ordering.balance.map((row) => [row.name, row] as const))('%s', (_, row) => {
    const known = row.known === null ? undefined : balanceOf(row.known)
    expect(isNewerBalance(balanceOf(row.new), known)).toBe(row.replaces)
  })
})

describe('topics are taken apart, and what is none is refused', () => {
  const read = topicVectors.topics.filter(({ kind }) => kind !== 'uplink' && kind !== 'functionsInbox')
  test.each(read)('$topic', ({ topic, kind, user = null, shoot, device }) => {
    expect(parseTopic(topic)).toEqual({ kind, user, ...(shoot && { shoot }), ...(device && { device }) })
  })

  // What a device only writes, or never meets, is no topic that it reads.
  const others = topicVectors.topics.filter((row) => !read.includes(row)).map(({ topic }) => topic)
  test.each([...topicVectors.notTopics, ...others])('not %j', (topic) => {
    expect(parseTopic(topic)).toBeNull()
  })
})

describe('ids', () => {
  const { accepted, acceptedAsUserOnly, refused } = topicVectors.ids
  test.each(accepted)('%j is one', (id) => expect(ID.test(id)).toBe(true))
  test.each(acceptedAsUserOnly)('%j is none of a device', (id) => {
    expect(ID.test(id)).toBe(true)
    expect(DEVICE_ID.test(id)).toBe(false)
  })
  test.each(refused)('%j is none', (id) => expect(ID.test(id)).toBe(false))
})
