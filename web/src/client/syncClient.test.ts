import { describe, expect, test } from 'vitest'
import { createSyncClient, getSyncClient } from './createSyncClient.ts'
import type { SyncEventType } from './events.ts'
import {
  clientAmongFakes,
  connectedClient,
  credits,
  DEVICE,
  message,
  progress,
  topics,
  USER,
} from './testing.ts'

const json = JSON.stringify

describe('events', () => {
  test('each is told once, by its id, also across connections', async () => {
    const { client, clock, broker } = await connectedClient()
    const told: number[] = []
    client.on('CREDIT_UPDATE', ({ data }) => told.push(data.newBalance))
    const update = json(credits(1))
    broker.publish(topics.credits, update)
    broker.publish(topics.credits, update)
    broker.cut()
    await clock.advance(1000)
    broker.publish(topics.credits, update)

    expect(told).toEqual([1])
  })

  test('progress and balances do not go back', async () => {
    const { client, clock, broker } = await connectedClient()
    const told: unknown[] = []
    client.on('SHOOT_PROGRESS', ({ data }) => told.push(data.sequence))
    client.on('CREDIT_UPDATE', ({ data }) => told.push(data.newBalance))
    for (const sequence of [2, 1, 3]) broker.publish(topics.shoot('s'), json(progress(sequence)))
    for (const version of [5, 4]) broker.publish(topics.credits, json(credits(version)))
    await clock.advance(100)

    expect(told).toEqual([2, 3, 5])
    expect(client.shoots.get('s')).toMatchObject({ sequence: 3 })
  })

  test('an echo of what this device did is marked', async () => {
    const { client, broker } = await connectedClient()
    const told: boolean[] = []
    client.on('SHOOT_PROGRESS', (_, { self }) => told.push(self))
    broker.publish(topics.shoot('s'), json({ ...progress(1), deviceId: DEVICE }))
    broker.publish(topics.shoot('s'), json({ ...progress(2), deviceId: 'mac' }))
    broker.publish(topics.shoot('s'), json(progress(3)))

    expect(told).toEqual([true, false, false])
  })

  test('a handler that throws harms nobody, is reported, and an undone one is not called', async () => {
    const { client, broker, errors } = await connectedClient()
    const told: string[] = []
    client.on('CREDIT_UPDATE', () => {
      throw new Error('of the app')
    })
    client.on('CREDIT_UPDATE', () => told.push('second'))
    client.on('CREDIT_UPDATE', () => told.push('third'))()
    broker.publish(topics.credits, json(credits(1)))

    expect(told).toEqual(['second'])
    expect(errors).toMatchObject([{ code: 'handler-failed', cause: { message: 'of the app' } }])
  })

  test('what is not of the contract is dropped and reported once per kind', async () => {
    const { client, broker, errors } = await connectedClient()
    const told: unknown[] = []
    client.on('SHOOT_PROGRESS', (event) => told.push(event))
    for (let n = 0; n < 3; n++) {
      broker.publish(topics.shoot('s'), '{')
      broker.publish(topics.shoot('s'), json({ ...progress(n), type: 'NEWER' }))
    }
    expect(told).toEqual([])
    expect(errors).toMatchObject([{ code: 'unreadable-message' }, { code: 'unknown-type' }])
    expect(client.getSnapshot().status).toBe('connected')
  })

  test('a type that there is not is refused', () => {
    const { client } = clientAmongFakes()
    expect(() => client.on('CREDITS' as SyncEventType, () => undefined)).toThrow(
      expect.objectContaining({ code: 'invalid-option' }),
    )
  })
})

describe('devices', () => {
  const connected = (session: number, name = 'Mac') =>
    json(
      message(
        'DEVICE_CONNECTED',
        { deviceId: 'mac', name, platform: 'mac', session, epoch: 'e' },
        { timestamp: 1000 },
      ),
    )
  const disconnected = (session: number, reason: 'lost' | 'closed' = 'lost') =>
    json(message('DEVICE_DISCONNECTED', { deviceId: 'mac', session, reason }, { timestamp: 1000 }))

  async function follow() {
    const world = await connectedClient()
    const told: string[] = []
    for (const type of ['DEVICE_CONNECTED', 'DEVICE_DISCONNECTED', 'DEVICE_REMOVED'] as const)
      world.client.on(type, () => told.push(type))
    const tell = async (payload: string, expiry: number | null = 2_592_000) => {
      world.broker.publish(topics.device('mac'), payload, { retain: true, expiry })
      await world.clock.advance(200)
      return world.client.devices.get('mac')
    }
    return { ...world, told, tell }
  }

  test('the session decides, not what came last', async () => {
    const { told, tell } = await follow()
    expect(await tell(connected(5))).toMatchObject({
      online: true,
      name: 'Mac',
      platform: 'mac',
      reason: null,
      self: false,
    })
    expect(await tell(disconnected(4))).toMatchObject({ online: true })
    expect(await tell(disconnected(5))).toMatchObject({ online: false, name: 'Mac', reason: 'lost' })
    expect(await tell(connected(5))).toMatchObject({ online: false })
    expect(await tell(connected(6))).toMatchObject({ online: true })
    expect(told).toEqual(['DEVICE_CONNECTED', 'DEVICE_DISCONNECTED', 'DEVICE_CONNECTED'])
  })

  test('a device that renews its token is no news, and shows its new name', async () => {
    const { told, tell } = await follow()
    await tell(connected(5))
    expect(await tell(connected(6, 'Studio'))).toMatchObject({ online: true, name: 'Studio', since: 1000 })
    expect(told).toEqual(['DEVICE_CONNECTED'])
  })

  test.each([connected(5), disconnected(5)])(
    'a device whose clock is ahead came and went by now: %o',
    async (message) => {
      const { tell, clock } = await follow()
      const now = clock.date()
      const ahead = { ...JSON.parse(message), timestamp: Number.MAX_SAFE_INTEGER }
      expect(await tell(json(ahead), null)).toMatchObject({ since: now })
    },
  )

  test('a removed device is gone', async () => {
    const { told, tell } = await follow()
    await tell(connected(5))
    expect(await tell('')).toBeUndefined()
    expect(await tell('')).toBeUndefined()
    expect(told).toEqual(['DEVICE_CONNECTED', 'DEVICE_REMOVED'])
  })

  test('when a device was lost is told by how long its will is still kept', async () => {
    const { tell, clock } = await follow()
    const before = clock.date()
    expect(await tell(disconnected(5), 2_592_000 - 3600)).toMatchObject({
      since: before - 3_600_000,
      name: null,
      platform: null,
    })
  })

  test('this device is among them, and is itself', async () => {
    const { client } = await connectedClient()
    expect(client.devices.list()).toMatchObject([{ deviceId: DEVICE, online: true, self: true }])
  })
})

describe('updates', () => {
  async function uplink() {
    const world = await connectedClient()
    const sent: { id: string; processedCount: number }[] = []
    world.broker.onPublish = ({ payload }) => {
      const { type, id, data } = JSON.parse(payload || '{}')
      if (type === 'UPDATE_PROGRESS') sent.push({ id, processedCount: data.processedCount })
    }
    const settled: string[] = []
    const update = (processedCount: number, shootId = 's') => {
      world.client.updateProgress({ shootId, status: 'processing', processedCount, totalCount: 10 }).then(
        () => settled.push(`${processedCount} taken`),
        (error) => settled.push(`${processedCount} ${error.code}`),
      )
      return world.clock.advance(0)
    }
    const ack = (inReplyTo = '') => {
      world.broker.publish(topics.inbox, json(message('ACK', { inReplyTo })))
      return world.clock.advance(0)
    }
    const refuse = (inReplyTo: string, retryable: boolean, retryAfterMs?: number) => {
      const data = {
        code: 'invalid',
        detail: 'no',
        inReplyTo,
        retryable,
        ...(retryAfterMs && { retryAfterMs }),
      }
      world.broker.publish(topics.inbox, json(message('ERROR', data)))
      return world.clock.advance(0)
    }
    return { ...world, sent, settled, update, ack, refuse }
  }

  test('one is in flight per shoot; what is made meanwhile becomes the newest', async () => {
    const { sent, settled, update, ack } = await uplink()
    for (const count of [1, 2, 3]) await update(count)
    await update(9, 'other')
    expect(sent.map(({ processedCount }) => processedCount)).toEqual([1, 9])
    await ack(sent[0]?.id)
    expect(sent.map(({ processedCount }) => processedCount)).toEqual([1, 9, 3])
    expect(settled).toEqual(['1 taken'])
    await ack(sent[2]?.id)
    expect(settled).toEqual(['1 taken', '2 taken', '3 taken'])
  })

  test('without an answer it is sent again with the same id, and after a reconnect', async () => {
    const { sent, settled, update, ack, clock, broker } = await uplink()
    await update(1)
    await clock.advance(10_000)
    broker.cut()
    await clock.advance(1000)
    expect(sent.length).toBe(3)
    expect(new Set(sent.map(({ id }) => id)).size).toBe(1)
    await ack(sent[0]?.id)
    await clock.advance(60_000)
    expect(sent.length).toBe(3)
    expect(settled).toEqual(['1 taken'])
  })

  test('it is kept by the broker no longer than until it is sent again', async () => {
    const { update, broker } = await uplink()
    await update(1)
    expect(broker.published.at(-1)).toMatchObject({
      topic: `sync/v1/uplink/0/${USER}/${DEVICE}/update-progress`,
      retain: false,
      expiry: 10,
    })
  })

  test('a refusal for good is told, and the next one goes', async () => {
    const { sent, settled, update, refuse } = await uplink()
    await update(1)
    await update(2)
    await refuse(sent[0]?.id ?? '', false)
    expect(settled).toEqual(['1 update-refused'])
    expect(sent.map(({ processedCount }) => processedCount)).toEqual([1, 2])
  })

  test('a refusal for now is tried again when it says', async () => {
    const { sent, settled, update, refuse, clock } = await uplink()
    await update(1)
    await refuse(sent[0]?.id ?? '', true, 3000)
    await clock.advance(2999)
    expect(sent).toHaveLength(1)
    await clock.advance(1)
    expect(sent).toHaveLength(2)
    expect(settled).toEqual([])
  })

  test('updates made before there is a connection wait for it', async () => {
    const { client, clock, broker } = clientAmongFakes()
    void client.updateProgress({ shootId: 's', status: 'queued', processedCount: 0, totalCount: 1 })
    client.connect()
    await clock.advance(0)
    expect(broker.published.filter(({ topic }) => topic.endsWith('update-progress'))).toHaveLength(1)
  })

  test('signing out ends the wait', async () => {
    const { settled, update, client, clock } = await uplink()
    await update(1)
    await update(2)
    await client.signOut()
    await clock.advance(60_000)
    expect(settled).toEqual(['1 stopped', '2 stopped'])
  })

  test.each([
    ['a status of its own', { status: 'paused' }, 'data.status'],
    ['more done than there is', { processedCount: 11 }, 'data.totalCount'],
    ['no shoot', { shootId: 'a/b' }, 'data.shootId'],
  ])('%s is refused before it is sent', async (_, wrong, field) => {
    const { client, sent } = await uplink()
    const update = { shootId: 's', status: 'processing', processedCount: 1, totalCount: 10, ...wrong }
    await expect(client.updateProgress(update as never)).rejects.toMatchObject({
      code: 'invalid-update',
      field,
    })
    expect(sent).toEqual([])
  })

  test('an error of the bridge about nothing that is known is reported', async () => {
    const { refuse, errors } = await uplink()
    await refuse('unknown', false)
    expect(errors).toMatchObject([{ code: 'update-refused' }])
  })
})

describe('pings', () => {
  test('measure the way there and back', async () => {
    const { client, clock, broker } = await connectedClient()
    broker.onPublish = ({ topic, payload }) => {
      if (!topic.endsWith('/ping')) return
      const { data } = JSON.parse(payload)
      clock.after(70, () =>
        broker.publish(topics.inbox, json(message('PONG', { sentAt: data.sentAt, receivedAt: 1 }))),
      )
    }
    const both = Promise.all([client.ping(), client.ping()])
    await clock.advance(70)

    expect(await both).toEqual([70, 70])
    expect(client.getSnapshot()).toMatchObject({ status: 'connected', rttMs: 70 })
  })

  test('without an answer fail after 10 seconds, without a connection at once', async () => {
    const { client, clock } = clientAmongFakes()
    await expect(client.ping()).rejects.toMatchObject({ code: 'not-connected', retryable: true })
    client.connect()
    await clock.advance(0)
    const failed = expect(client.ping()).rejects.toMatchObject({ code: 'timed-out', retryable: true })
    await clock.advance(10_000)
    await failed
  })
})

describe('making a client', () => {
  const getSession = async () => null

  test.each([
    ['getSession', { getSession: 'x' }],
    ['device.id', { getSession, device: { id: 'a:b' } }],
    ['device.id', { getSession, device: { id: '' } }],
    ['device.name', { getSession, device: { name: '' } }],
    ['keepAliveSec', { getSession, keepAliveSec: 0 }],
    ['keepAliveSec', { getSession, keepAliveSec: 61 }],
    ['probeTimeoutMs', { getSession, probeTimeoutMs: Number.NaN }],
    ['graceMs', { getSession, graceMs: -1 }],
    ['backoff.maxMs', { getSession, backoff: { maxMs: 0 } }],
  ])('a wrong %s is refused by its name', (field, options) => {
    expect(() => createSyncClient(options as never)).toThrow(
      expect.objectContaining({ code: 'invalid-option', field }),
    )
  })

  test('does nothing by itself', async () => {
    const { clock, broker, asked, client } = clientAmongFakes()
    await clock.advance(60_000)
    expect(asked).toEqual([])
    expect(broker.connects).toEqual([])
    expect(client.getSnapshot()).toMatchObject({ status: 'disconnected', reason: 'idle' })
  })

  test('of a page is made once', () => {
    expect(() => getSyncClient()).toThrow(expect.objectContaining({ field: 'options' }))
    const client = getSyncClient({ getSession })
    expect(getSyncClient()).toBe(client)
    expect(getSyncClient({ getSession: async () => null })).toBe(client)
    expect(createSyncClient({ getSession })).not.toBe(client)
  })
})

test('memory stays flat over many events', async () => {
  const { client, clock, broker } = await connectedClient()
  for (let n = 0; n < 10_000; n++)
    broker.publish(
      topics.shoot(`s${n}`),
      json({ ...progress(n), data: { ...progress(n).data, shootId: `s${n}` } }),
    )
  await clock.advance(1000)
  expect(client.shoots.list().length).toBe(4096)
})
