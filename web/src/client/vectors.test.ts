/** The tables that every client is held to, in whatever language. */
import { describe, expect, test } from 'vitest'
import ordering from '../../../tests/vectors/ordering.json' with { type: 'json' }
import presenceVectors from '../../../tests/vectors/presence.json' with { type: 'json' }
import topicVectors from '../../../tests/vectors/topics.json' with { type: 'json' }
import type { Message } from './messages.ts'
import { isNewerBalance, isNewerProgress } from './ordering.ts'
import { Presence, type PresenceMessage, readOwnPresence } from './presence.ts'
import { presenceSince } from './present.ts'
import { credits, message, progress } from './testing.ts'
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

interface PresenceRow {
  readonly type: string
  readonly session: number
  readonly epoch?: string
  readonly reason?: string
}

function presenceOf({ type, session, epoch, reason }: PresenceRow, timestamp = 0): PresenceMessage {
  return type === 'DEVICE_CONNECTED'
    ? message(
        type,
        { deviceId: 'mac', name: 'Mac', platform: 'mac', session, epoch: epoch ?? '' },
        { timestamp },
      )
    : message('DEVICE_DISCONNECTED', { deviceId: 'mac', session, reason: reason as 'lost' }, { timestamp })
}

/** A receiver that knows nothing, and what it shows of one device. */
function receiver() {
  const presence = new Presence()
  return {
    hear: (row: PresenceRow | null) =>
      row === null ? presence.remove('mac') : presence.take(presenceOf(row)).news,
    shows: (): PresenceRow | null => {
      const [shown] = presence.values()
      if (shown === undefined) return null
      const { session } = shown.data
      return 'epoch' in shown.data
        ? { type: shown.type, session, epoch: shown.data.epoch }
        : { type: shown.type, session, reason: shown.data.reason }
    },
  }
}

describe('who is on line is decided by sessions, not by what came last', () => {
  test.each(presenceVectors.received.map((row) => [row.name, row] as const))('%s', (_, row) => {
    const { hear, shows } = receiver()
    if (row.known !== null) hear(row.known)
    expect(hear(row.arrives)).toBe(row.news)
    expect(shows()).toEqual(row.shows)
  })

  test.each(presenceVectors.receivedInTurn.map((row) => [row.name, row] as const))('%s', (_, row) => {
    const { hear, shows } = receiver()
    expect(row.arrive.map(hear)).toEqual(row.news)
    expect(shows()).toEqual(row.shows)
  })
})

describe('what a device does about its own presence', () => {
  test.each(presenceVectors.own.map((row) => [row.name, row] as const))('%s', (_, row) => {
    expect(readOwnPresence(presenceOf(row.message), row)).toBe(row.does)
  })
})

describe('since when a device is lost', () => {
  test.each(presenceVectors.lost.map((row) => [row.name, row] as const))('%s', (_, row) => {
    const will = presenceOf({ type: 'DEVICE_DISCONNECTED', session: 1, reason: 'lost' }, row.timestamp)
    expect(presenceSince(will, row.expiresIn, row.now)).toBe(row.since)
  })
})
