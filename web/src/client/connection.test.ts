import { expect, test } from 'vitest'
import {
  clientAmongFakes,
  connectedClient,
  DEVICE,
  follow,
  progress,
  published,
  topics,
  USER,
} from './testing.ts'
import type { SessionAnswer } from './wire.generated.ts'

const json = JSON.stringify

test('a device connects as the protocol says: will, subscriptions in order, birth with epoch', async () => {
  const { client, broker } = await connectedClient()

  expect(client.getSnapshot()).toMatchObject({ status: 'connected', rttMs: null })
  const [connect] = broker.connects
  expect(connect).toMatchObject({
    url: 'ws://broker-1',
    clientId: `${USER}:${DEVICE}`,
    username: USER,
    keepalive: 30,
    cleanStart: false,
    sessionExpiry: 86_400,
  })
  const will = JSON.parse(connect?.will.payload ?? '')
  const [birth] = published(broker, 'DEVICE_CONNECTED')
  expect(will).toMatchObject({
    type: 'DEVICE_DISCONNECTED',
    userId: USER,
    deviceId: DEVICE,
    data: { deviceId: DEVICE, reason: 'lost', session: birth.data.session },
  })
  expect(birth.data).toMatchObject({ deviceId: DEVICE, epoch: 'epoch-1' })
  expect(broker.published[0]).toMatchObject({ topic: topics.device(DEVICE), retain: true, expiry: 2_592_000 })
  expect(birth.id).not.toBe(will.id)
})

test('connecting twice is connecting once', async () => {
  const { client, clock, broker, asked } = await connectedClient()

  client.connect()
  await clock.advance(1000)

  expect(broker.connects).toHaveLength(1)
  expect(asked).toHaveLength(1)
})

test('states are frozen, one object per change', async () => {
  const { client, clock, broker } = clientAmongFakes()
  const states = follow(client)

  client.connect()
  await clock.advance(0)
  broker.cut()
  await clock.advance(1000)

  expect(states.map(({ status }) => status)).toEqual([
    'disconnected',
    'connecting',
    'connected',
    'reconnecting',
    'reconnecting',
    'reconnecting',
    'connected',
  ])
  expect(new Set(states).size).toBe(states.length)
  expect(states.every(Object.isFrozen)).toBe(true)
  expect(states[3]).toMatchObject({ attempt: 1, nextRetryAt: null, prolonged: false })
  expect(states[4]).toMatchObject({ attempt: 1, nextRetryAt: clock.startedAt + 500 })
})

test('trouble is worth showing once it outlasts the grace period', async () => {
  const { client, clock, broker } = await connectedClient({ graceMs: 3000 })
  broker.reachable = false
  broker.cut()

  await clock.advance(2999)
  expect(client.getSnapshot()).toMatchObject({ status: 'reconnecting', prolonged: false })
  await clock.advance(1)
  expect(client.getSnapshot()).toMatchObject({ status: 'reconnecting', prolonged: true })

  broker.reachable = true
  await clock.advance(30_000)
  expect(client.getSnapshot().status).toBe('connected')
})

test('it tries for ever, with waits that double up to the limit, at one broker after the other', async () => {
  const { client, clock, broker } = clientAmongFakes({ expiresIn: 1_000_000 })
  broker.reachable = false
  client.connect()

  const waits: number[] = []
  await clock.advance(0)
  for (let n = 0; n < 8; n++) {
    const state = client.getSnapshot()
    if (state.status !== 'connecting' || state.nextRetryAt === null)
      throw new Error(`not waiting: ${json(state)}`)
    expect(state.attempt).toBe(n + 2)
    waits.push(state.nextRetryAt - clock.date())
    await clock.advance(state.nextRetryAt - clock.date())
  }

  expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000])
  expect(broker.connects.slice(0, 4).map(({ url }) => url)).toEqual([
    'ws://broker-1',
    'ws://broker-2',
    'ws://broker-1',
    'ws://broker-2',
  ])
})

test('URLs that are for other clients than browsers are left out', async () => {
  const fakes = clientAmongFakes()
  const answer = fakes.broker.getSession(USER)
  const urls = ['mqtt://broker-0', 'ws://broker-1', 'mqtts://broker-1', 'wss://broker-2']
  const { client, clock, broker } = clientAmongFakes({
    getSession: async (context) => ({ ...(await answer(context)), urls }) as SessionAnswer,
  })
  broker.reachable = false
  client.connect()
  await clock.advance(10_000)
  expect(broker.connects.slice(0, 3).map(({ url }) => url)).toEqual([
    'ws://broker-1',
    'wss://broker-2',
    'ws://broker-1',
  ])
})

test('only a link that held makes the next wait short again', async () => {
  const { client, clock, broker } = await connectedClient()
  const wait = () => {
    const state = client.getSnapshot()
    return state.status === 'reconnecting' && state.nextRetryAt !== null
      ? state.nextRetryAt - clock.date()
      : null
  }
  broker.cut()
  await clock.advance(0)
  expect(wait()).toBe(500)
  await clock.advance(500)
  broker.cut()
  await clock.advance(0)
  expect(wait()).toBe(1000)
  await clock.advance(1000)
  await clock.advance(30_001)
  broker.cut()
  await clock.advance(0)
  expect(wait()).toBe(500)
})

test('each connect has a higher session, and what the browser remembers is told to the session function', async () => {
  const { client, clock, broker, storage, asked } = await connectedClient()
  broker.cut()
  await clock.advance(1000)
  const births = published(broker, 'DEVICE_CONNECTED').map(({ data }) => data.session)
  expect(births).toEqual([births[0], births[0] + 1])

  await client.disconnect()
  client.connect()
  await clock.advance(0)
  expect(asked[0]?.request.lastSession).toBeUndefined()
  expect(asked[1]?.request.lastSession).toBe(births[1])

  const next = await connectedClient({ storage })
  expect(next.asked[0]?.request.lastSession).toBeGreaterThan(births[1])
})

test('quitting says so at once and leaves no session behind', async () => {
  const { client, clock, broker } = await connectedClient()
  await client.disconnect()
  await clock.advance(10_000)

  expect(client.getSnapshot()).toMatchObject({ status: 'disconnected', reason: 'idle' })
  expect(published(broker, 'DEVICE_DISCONNECTED').map(({ data }) => data.reason)).toEqual(['closed'])
  expect(broker.sessions).toBe(0)
})

test('signing out says so, ends the session, forgets the user and what the browser remembered', async () => {
  const { client, clock, broker, storage } = await connectedClient()
  broker.publish(topics.shoot('s'), json(progress(1)), { retain: true })
  await client.signOut()
  await clock.advance(10_000)

  expect(client.getSnapshot()).toMatchObject({ status: 'disconnected', reason: 'signed-out' })
  expect(published(broker, 'DEVICE_DISCONNECTED').map(({ data }) => data.reason)).toEqual(['signed-out'])
  expect(broker.sessions).toBe(0)
  expect(client.identity).toBeNull()
  expect(client.shoots.get('s')).toBeUndefined()
  expect(client.devices.list()).toEqual([])
  expect(storage.getItem(`kull-sync:session:${DEVICE}`)).toBeNull()
})

test('a goodbye that is not answered ends after 3 seconds', async () => {
  const { client, clock, broker } = await connectedClient()
  broker.mute = true
  let left = false
  void client.signOut().then(() => {
    left = true
  })
  await clock.advance(2999)
  expect(left).toBe(false)
  await clock.advance(1)
  expect(left).toBe(true)
  expect(broker.connections).toBe(0)
})

test('a guest begins clean, comes back to its session, and is gone for everybody when the page goes', async () => {
  const { client, clock, broker, page } = await connectedClient({ device: {} })
  const id = client.identity?.deviceId ?? ''
  expect(broker.connects[0]).toMatchObject({ cleanStart: true, will: { payload: '' } })
  broker.cut()
  await clock.advance(1000)
  expect(broker.connects[1]).toMatchObject({ cleanStart: false })
  expect(broker.retained.has(topics.device(id))).toBe(true)
  page.leave()
  await clock.advance(0)

  expect(broker.sessions).toBe(0)
  expect(broker.retained.has(topics.device(id))).toBe(false)
})
