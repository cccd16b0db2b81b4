import { describe, expect, test } from 'vitest'
import { receive } from './receive.ts'
import { credits, DEVICE, message, progress, topics, USER } from './testing.ts'

const bytes = (value: unknown) =>
  new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value))
const good = progress(1)

test('a message is read, with what it leaves out filled in and what is unknown left out', () => {
  const { deviceId: _, ...envelope } = good
  const { run: __, ...data } = good.data
  const read = receive(
    topics.shoot('s'),
    bytes({ ...envelope, newer: 1, data: { ...data, newer: { deep: true }, error: null } }),
  )

  expect(read).toEqual({ ...good, deviceId: null, data: { ...good.data, run: 0 } })
  expect(Object.isFrozen(read)).toBe(true)
})

test('an empty payload on a presence topic removes the device', () => {
  expect(receive(topics.device('mac'), bytes(''))).toEqual({ type: 'DEVICE_REMOVED', deviceId: 'mac' })
})

test('texts are measured in characters, as the sender does', () => {
  const reason = '😀'.repeat(200)
  const update = { ...credits(1), data: { newBalance: 1, change: 1, reason } }
  expect(receive(topics.credits, bytes(update))).toMatchObject({ data: { reason } })
})

describe('what is not of the contract is refused, by the field', () => {
  const shoot = topics.shoot('s')
  const changed = (data: object) => ({ ...good, data: { ...good.data, ...data } })
  test.each([
    ['no JSON', shoot, '{', ''],
    ['no UTF-8', shoot, Uint8Array.of(0x22, 0xff, 0x22), ''],
    ['no object', shoot, '[]', ''],
    ['null', shoot, 'null', ''],
    ['too large', shoot, `"${'x'.repeat(70_000)}"`, ''],
    ['no type', shoot, { ...good, type: 7 }, 'type'],
    ['a type of another topic', shoot, credits(1), 'type'],
    ['a name of every object', shoot, { ...good, type: 'constructor' }, 'type'],
    ['no id', shoot, { ...good, id: undefined }, 'id'],
    ['an id with a space', shoot, { ...good, id: 'a b' }, 'id'],
    ['no timestamp', shoot, { ...good, timestamp: undefined }, 'timestamp'],
    ['a timestamp in words', shoot, { ...good, timestamp: '1' }, 'timestamp'],
    ['another user', shoot, { ...good, userId: 'bob' }, 'userId'],
    ['no user on a topic of a user', shoot, { ...good, userId: null }, 'userId'],
    [
      'a user on the topic of everyone',
      topics.allPrompts,
      message('PROMPT_CHANGE', { action: 'created' }),
      'userId',
    ],
    ['another shoot', topics.shoot('t'), good, 'data.shootId'],
    [
      'another device',
      topics.device('mac'),
      message('DEVICE_DISCONNECTED', { deviceId: DEVICE, session: 1, reason: 'lost' }),
      'data.deviceId',
    ],
    ['no data', shoot, { ...good, data: null }, 'data'],
    ['an unknown status', shoot, changed({ status: 'paused' }), 'data.status'],
    ['a negative count', shoot, changed({ processedCount: -1 }), 'data.processedCount'],
    ['half an image', shoot, changed({ processedCount: 0.5 }), 'data.processedCount'],
    ['more done than there is', shoot, changed({ processedCount: 11 }), 'data.totalCount'],
    ['a count that no number holds', shoot, changed({ totalCount: 2 ** 53 }), 'data.totalCount'],
    ['an ETA of no number', shoot, changed({ eta: '5' }), 'data.eta'],
    ['a text without end', shoot, changed({ error: 'x'.repeat(2001) }), 'data.error'],
    ['a topic of nobody', `sync/v1/users/${USER}/events/other`, good, 'topic'],
    [
      'an inherited field',
      shoot,
      JSON.stringify(good).replace('"shootId":"s"', '"__proto__":{"shootId":"s"}'),
      'data.shootId',
    ],
  ])('%s', (_, topic, payload, field) => {
    const raw = payload instanceof Uint8Array ? payload : bytes(payload)
    expect(() => receive(topic, raw)).toThrow(expect.objectContaining({ field, retryable: false }))
  })
})

test('a type that is not known is one of a newer sender', () => {
  expect(() => receive(topics.shoot('s'), bytes({ ...good, type: 'SHOOT_RENAMED' }))).toThrow(
    expect.objectContaining({ code: 'unknown-type' }),
  )
})

test('an error never quotes what was sent', () => {
  try {
    receive(topics.shoot('s'), bytes({ ...good, data: { ...good.data, status: 'secret' } }))
    expect.unreachable()
  } catch (error) {
    expect(String(error)).not.toContain('secret')
  }
})
