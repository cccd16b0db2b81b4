import { expect, test } from 'vitest'
import { FakeClock } from '../client/fakeClock.ts'
import { fakeSync } from './index.ts'

async function connectedFake() {
  const clock = new FakeClock()
  const sync = fakeSync({ clock })
  sync.client.connect()
  await clock.advance(0)
  await sync.connected()
  return { ...sync, clock }
}

test('each type of event reaches the client as news, and so does what it replaces', async () => {
  const { client, clock, publish } = await connectedFake()
  const told: unknown[] = []
  client.on('SHOOT_PROGRESS', ({ data }, meta) => told.push([data.processedCount, meta.retained]))
  client.on('CREDIT_UPDATE', ({ data }, meta) => told.push([data.newBalance, meta.retained]))
  client.on('PROMPT_CHANGE', ({ data }, meta) => told.push([data.title, meta.retained]))
  client.on('DEVICE_CONNECTED', ({ data }, meta) => told.push([data.name, meta.retained]))
  client.on('DEVICE_DISCONNECTED', ({ data }, meta) => told.push([data.reason, meta.retained]))
  const shoot = { shootId: 'wedding', status: 'processing', totalCount: 9 } as const
  publish('SHOOT_PROGRESS', { ...shoot, processedCount: 1 })
  publish('SHOOT_PROGRESS', { ...shoot, processedCount: 2 })
  publish('CREDIT_UPDATE', { newBalance: 5, change: 5, reason: 'bought' })
  publish('CREDIT_UPDATE', { newBalance: 4, change: -1, reason: 'spent' })
  publish('PROMPT_CHANGE', { action: 'created', title: 'Portrait' })
  publish('DEVICE_CONNECTED', { deviceId: 'mac', name: 'Mac', platform: 'mac' })
  publish('DEVICE_DISCONNECTED', { deviceId: 'mac', reason: 'closed' })
  await clock.advance(100)

  expect(told).toEqual([
    [1, false],
    [2, false],
    [5, false],
    [4, false],
    ['Portrait', false],
    ['Mac', false],
    ['closed', false],
  ])
  expect(client.devices.get('mac')).toMatchObject({ online: false, name: 'Mac' })
  expect(client.devices.get('test')).toMatchObject({ online: true, name: 'Test', self: true })
})

test('what happens while it is off line comes when it is back, as it would from a broker', async () => {
  const { client, clock, publish, goOffline, goOnline } = await connectedFake()
  const told: unknown[] = []
  const resyncs: string[] = []
  client.on('CREDIT_UPDATE', ({ data }, { replayed }) => told.push([data.newBalance, replayed]))
  client.onResync(({ cause }) => resyncs.push(cause))
  goOffline()
  publish('CREDIT_UPDATE', { newBalance: 5, change: 5, reason: 'bought' })
  await clock.advance(60_000)
  expect(client.getSnapshot().status).toBe('reconnecting')
  expect(told).toEqual([])
  goOnline()
  await clock.advance(0)

  expect(client.getSnapshot().status).toBe('connected')
  expect(told).toEqual([[5, true]])
  expect(resyncs).toEqual([])
})

test('updates and pings are answered', async () => {
  const { client, clock } = await connectedFake()
  const sources: boolean[] = []
  client.on('SHOOT_PROGRESS', (_, { self }) => sources.push(self))
  const update = { shootId: 'wedding', status: 'queued', processedCount: 0, totalCount: 9 } as const
  const done = Promise.all([client.updateProgress(update), client.ping()])
  await clock.advance(100)

  expect(await done).toEqual([undefined, expect.any(Number)])
  expect(sources).toEqual([true])
})

test('waiting for a client that nobody connects ends, and says what may be missing', async () => {
  const clock = new FakeClock()
  const { connected } = fakeSync({ clock })
  const failure = connected().catch((error: Error) => error.message)
  await clock.advance(5000)

  expect(await failure).toMatch(/SyncProvider/)
})

test('data that the functions would refuse is refused here too', async () => {
  const { client, publish } = await connectedFake()
  const told: unknown[] = []
  client.on('CREDIT_UPDATE', (event) => told.push(event))

  expect(() => publish('CREDIT_UPDATE', { newBalance: -1, change: 0, reason: '' })).toThrow('data.newBalance')
  expect(told).toEqual([])
})
