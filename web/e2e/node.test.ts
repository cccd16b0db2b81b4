/** The built client in Node, against the real broker, functions and bridge. */

import { createSyncClient, httpSession, type SyncClient, SyncError, type SyncOptions } from '@kull/sync'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { Stack } from './stack.ts'

let stack: Stack
const clients = new Set<SyncClient>()
const SECONDS = { timeout: 15_000, interval: 20 }

beforeAll(async () => {
  stack = await Stack.start()
})
afterAll(() => stack.stop())
afterEach(async () => {
  await Promise.all([...clients].map((client) => client.disconnect()))
  clients.clear()
})

let users = 0
/** A user of this test alone. */
const newUser = () => `user-${++users}`

function device(userId: string, options: Partial<SyncOptions> = {}) {
  const errors: unknown[] = []
  const client = createSyncClient({
    getSession: httpSession({ url: stack.url, user: () => ({ userId, token: stack.token(userId) }) }),
    onError: (error) => errors.push(error),
    ...options,
  })
  clients.add(client)
  const resyncs: string[] = []
  client.onResync(({ cause }) => resyncs.push(cause))
  const statuses: string[] = []
  client.subscribe(() => statuses.push(client.getSnapshot().status))
  return { client, errors, resyncs, statuses }
}

async function connected(userId: string, options: Partial<SyncOptions> = {}) {
  const made = device(userId, options)
  made.client.connect()
  await isConnected(made.client)
  return made
}

const isConnected = (client: SyncClient) =>
  vi.waitFor(() => expect(client.getSnapshot().status).toBe('connected'), SECONDS)

const shoot = (userId: string, sequence: number) => ({
  userId,
  shootId: 'wedding',
  status: 'processing',
  processedCount: sequence,
  totalCount: 100,
  sequence,
})

/** What another device of the user is told of this one. */
async function watch(userId: string) {
  const { client } = await connected(userId, { device: { id: 'watcher' } })
  const seen: string[] = []
  client.on('DEVICE_CONNECTED', ({ data }) => seen.push(`${data.deviceId} connected`))
  client.on('DEVICE_DISCONNECTED', ({ data }) => seen.push(`${data.deviceId} ${data.reason}`))
  client.on('DEVICE_REMOVED', ({ deviceId }) => seen.push(`${deviceId} removed`))
  return seen
}

test('what is posted arrives, as an event and as the present', async () => {
  const user = newUser()
  const { client, errors, resyncs } = await connected(user)
  const events: unknown[] = []
  client.on('SHOOT_PROGRESS', (event, meta) => events.push([event.data.processedCount, meta]))
  client.on('CREDIT_UPDATE', (event) => events.push(event.data.newBalance))
  client.on('PROMPT_CHANGE', (event) => events.push(event.data.action))
  await stack.post('shoot-progress', shoot(user, 1))
  await stack.post('credit-update', { userId: user, newBalance: 7, change: 7, reason: 'bought' })
  await stack.post('prompt-change', { userId: user, action: 'created' })
  await stack.post('prompt-change', { everyone: true, action: 'deleted' })

  await vi.waitFor(() => expect(events).toHaveLength(4), SECONDS)
  expect(events).toContainEqual([1, { replayed: false, retained: false, self: false }])
  expect(client.shoots.get('wedding')).toMatchObject({ processedCount: 1 })
  expect(resyncs).toEqual(['no-session'])
  expect(errors).toEqual([])

  const late = await connected(user)
  await vi.waitFor(
    () => expect(late.client.shoots.get('wedding')).toMatchObject({ processedCount: 1 }),
    SECONDS,
  )
})

test('devices see each other come and go', async () => {
  const user = newUser()
  const seen = await watch(user)
  const named = await connected(user, { device: { id: 'desk', name: 'Desk', platform: 'mac' } })
  await vi.waitFor(
    () => expect(named.client.devices.get('watcher')).toMatchObject({ online: true, self: false }),
    SECONDS,
  )
  await vi.waitFor(
    () => expect(named.client.devices.get('desk')).toMatchObject({ online: true, self: true, name: 'Desk' }),
    SECONDS,
  )
  await named.client.disconnect()
  const guest = await connected(user)
  const guestId = guest.client.identity?.deviceId
  await vi.waitFor(() => expect(seen).toContain(`${guestId} connected`), SECONDS)
  await guest.client.disconnect()

  await vi.waitFor(() => expect(seen.at(-1)).toBe(`${guestId} removed`), SECONDS)
  expect(seen.filter((line) => !line.startsWith('watcher'))).toEqual([
    'desk connected',
    'desk closed',
    `${guestId} connected`,
    `${guestId} closed`,
    `${guestId} removed`,
  ])
})

test('a connection that breaks comes back into its session; what was missed is replayed, once, and nobody saw it go', async () => {
  const user = newUser()
  const seen = await watch(user)
  const { client, resyncs } = await connected(user, { device: { id: 'web' } })
  await vi.waitFor(() => expect(seen).toContain('web connected'), SECONDS)
  const events: unknown[] = []
  client.on('PROMPT_CHANGE', (event, meta) => events.push([event.data.title, meta.replayed]))
  resyncs.length = 0
  stack.proxy.cut()
  await vi.waitFor(() => expect(client.getSnapshot().status).toBe('reconnecting'), SECONDS)
  await stack.post('prompt-change', { userId: user, action: 'created', title: 'missed' })
  await isConnected(client)
  await stack.post('prompt-change', { userId: user, action: 'created', title: 'live' })

  await vi.waitFor(() => expect(events).toHaveLength(2), SECONDS)
  expect(events[0]).toEqual(['missed', expect.any(Boolean)])
  expect(events[1]).toEqual(['live', false])
  expect(resyncs).toEqual([])
  expect(seen.filter((line) => line !== 'watcher connected')).toEqual(['web connected'])
})

test('a broker that is killed and started again: back by itself, resync told once', async () => {
  const user = newUser()
  const { client, resyncs, statuses } = await connected(user, { device: { id: 'web' } })
  resyncs.length = statuses.length = 0
  await stack.order('kill-broker')
  await vi.waitFor(() => expect(client.getSnapshot().status).toBe('reconnecting'), SECONDS)
  await stack.order('start-broker')
  client.retryNow()
  await isConnected(client)
  const events: number[] = []
  client.on('CREDIT_UPDATE', ({ data }) => events.push(data.newBalance))
  await stack.post('credit-update', { userId: user, newBalance: 3, change: 3, reason: 'bought' })

  await vi.waitFor(() => expect(events).toEqual([3]), SECONDS)
  expect(resyncs).toHaveLength(1)
  expect(['no-session', 'new-epoch']).toContain(resyncs[0])
  expect(new Set(statuses)).toEqual(new Set(['reconnecting', 'connected']))
})

test('a token is renewed and no watcher sees the device go', async () => {
  const user = newUser()
  const seen = await watch(user)
  const fetchSession = httpSession({
    url: stack.url,
    user: () => ({ userId: user, token: stack.token(user) }),
  })
  let asked = 0
  const { client, statuses, resyncs } = await connected(user, {
    device: { id: 'web' },
    getSession: async (context) => {
      asked += 1
      const answer = await fetchSession(context)
      // The first two answers are renewed after one or two seconds.
      return answer && asked < 3 ? { ...answer, expiresIn: 2 } : answer
    },
  })
  await vi.waitFor(() => expect(asked).toBe(3), SECONDS)
  const events: unknown[] = []
  client.on('PROMPT_CHANGE', ({ data }) => events.push(data.title))
  await stack.post('prompt-change', { userId: user, action: 'created', title: 'after' })
  await vi.waitFor(() => expect(events).toEqual(['after']), SECONDS)

  expect(statuses).toEqual(['connecting', 'connected'])
  expect(resyncs).toEqual(['no-session'])
  expect(seen.filter((line) => line.startsWith('web'))).toEqual(['web connected'])
})

test('a half-open link is found by a wake and replaced', async () => {
  const user = newUser()
  const { client, statuses } = await connected(user, { device: { id: 'web' }, probeTimeoutMs: 300 })
  statuses.length = 0
  stack.proxy.blackHole()
  client.retryNow()
  await vi.waitFor(() => expect(statuses).toContain('reconnecting'), SECONDS)
  await isConnected(client)
})

test('signing out is seen by the other devices at once', async () => {
  const user = newUser()
  const seen = await watch(user)
  const { client } = await connected(user, { device: { id: 'web' } })
  await client.signOut()

  await vi.waitFor(() => expect(seen).toContain('web signed-out'), SECONDS)
  expect(client.getSnapshot()).toMatchObject({ status: 'disconnected', reason: 'signed-out' })
})

test('a device that is signed out from elsewhere stops, says so, and does not come back', async () => {
  const user = newUser()
  const seen = await watch(user)
  const { client } = await connected(user, { device: { id: 'web' } })
  await vi.waitFor(() => expect(seen).toContain('web connected'), SECONDS)
  await stack.signOut(user, 'web')

  const signedOut = { status: 'disconnected', reason: 'signed-out', error: { code: 'signed-out' } }
  await vi.waitFor(() => expect(client.getSnapshot()).toMatchObject(signedOut), SECONDS)
  await vi.waitFor(() => expect(seen).toContain('web signed-out'), SECONDS)
  expect(seen.filter((line) => line.startsWith('web'))).toEqual(['web connected', 'web signed-out'])
})

test('whoever may not have a session is told so and is left alone', async () => {
  const { client } = device('ada', {
    getSession: httpSession({ url: stack.url, user: () => ({ userId: 'ada', token: stack.token('bob') }) }),
  })
  client.connect()
  await vi.waitFor(
    () => expect(client.getSnapshot()).toMatchObject({ status: 'disconnected', reason: 'unauthorized' }),
    SECONDS,
  )
})

test('an update goes through the bridge to every device, and is acknowledged', async () => {
  const user = newUser()
  const { client } = await connected(user, { device: { id: 'mac' } })
  const other = await connected(user)
  const own: unknown[] = []
  client.on('SHOOT_PROGRESS', (_, { self }) => own.push(self))
  await client.updateProgress({ shootId: 's', status: 'processing', processedCount: 1, totalCount: 9 })

  await vi.waitFor(
    () => expect(other.client.shoots.get('s')).toMatchObject({ processedCount: 1, source: 'mac' }),
    SECONDS,
  )
  await vi.waitFor(() => expect(own).toEqual([true]), SECONDS)
})

test('updates made while the connection is down go out when it is back, the newest only', async () => {
  const user = newUser()
  const { client } = await connected(user, { device: { id: 'mac' } })
  const seen: number[] = []
  client.on('SHOOT_PROGRESS', ({ data }) => seen.push(data.processedCount))
  stack.proxy.cut()
  await vi.waitFor(() => expect(client.getSnapshot().status).toBe('reconnecting'), SECONDS)
  const update = (processedCount: number) =>
    client.updateProgress({ shootId: 's', status: 'processing', processedCount, totalCount: 9 })
  await Promise.all([1, 2, 3].map(update))

  await vi.waitFor(() => expect(seen.at(-1)).toBe(3), SECONDS)
  expect(seen).not.toContain(2)
})

test('a ping measures the way through the bridge', async () => {
  const { client } = await connected(newUser())
  const rtt = await client.ping()

  expect(rtt).toBeGreaterThan(0)
  expect(client.getSnapshot()).toMatchObject({ status: 'connected', rttMs: rtt })
})

test('what cannot be sent is refused with an error that names the field', async () => {
  const { client } = await connected(newUser())
  const refused = client.updateProgress({
    shootId: 's',
    status: 'processing',
    processedCount: 10,
    totalCount: 9,
  })

  await expect(refused).rejects.toBeInstanceOf(SyncError)
  await expect(refused).rejects.toMatchObject({
    code: 'invalid-update',
    field: 'data.totalCount',
    retryable: false,
  })
})
