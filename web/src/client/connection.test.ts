import { expect, test } from 'vitest'
import type { SyncState } from './state.ts'
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

function follow(client: {
  subscribe(listener: () => void): () => void
  getSnapshot(): SyncState
}): SyncState[] {
  const states = [client.getSnapshot()]
  client.subscribe(() => states.push(client.getSnapshot()))
  return states
}

function published(broker: { published: readonly { topic: string; payload: string }[] }, type: string) {
  return broker.published
    .filter(({ payload }) => payload !== '')
    .map(({ payload }) => JSON.parse(payload))
    .filter((sent) => sent.type === type)
}

async function refuse(status: number): Promise<null> {
  throw Object.assign(new Error('no'), { status })
}

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

test('a refused token is replaced; a broker that refuses fresh ones is asked ever more rarely, up to 5 minutes', async () => {
  const { client, clock, broker, asked } = clientAmongFakes()
  broker.refuses = 0x87
  client.connect()
  await clock.advance(3_600_000)

  const tokens = broker.connects.map(({ password }) => password)
  expect(new Set(tokens).size).toBe(tokens.length)
  expect(asked.length).toBe(tokens.length)
  expect(asked.at(-1)?.reason).toBe('refused')
  expect(client.getSnapshot()).toMatchObject({
    status: 'connecting',
    error: { code: 'link-refused', reasonCode: 0x87 },
  })
  const before = asked.length
  await clock.advance(150_000)
  expect(asked.length - before).toBe(1)
})

test('a broker that is busy keeps the token', async () => {
  const { client, clock, broker, asked } = clientAmongFakes()
  broker.refuses = 0x97
  client.connect()
  await clock.advance(10_000)

  expect(broker.connects.length).toBeGreaterThan(2)
  expect(asked).toHaveLength(1)
})

test.each([
  ['null', async (): Promise<null> => null, 'signed-out'],
  ['a 401', () => refuse(401), 'unauthorized'],
  ['a 403', () => refuse(403), 'unauthorized'],
] as const)('%s from the session function stops everything', async (_, getSession, reason) => {
  const { client, clock, broker, asked } = await connectedClient({ getSession })
  await clock.advance(600_000)

  expect(client.getSnapshot()).toMatchObject({ status: 'disconnected', reason })
  expect(asked).toHaveLength(1)
  expect(broker.connects).toHaveLength(0)
})

test.each([
  [
    'a throw',
    () => {
      throw new Error('offline')
    },
  ],
  ['a 500', () => refuse(500)],
  ['an answer of another shape', async () => ({ token: 'x' }) as never],
  ['no answer', () => new Promise<never>(() => undefined)],
] as const)('after %s the session function is asked again', async (_, getSession) => {
  const { client, clock, asked } = await connectedClient({ getSession })
  await clock.advance(120_000)

  expect(client.getSnapshot()).toMatchObject({
    status: 'connecting',
    error: { code: 'session-failed', retryable: true },
  })
  expect(asked.length).toBeGreaterThan(2)
})

test('a wrong answer is named by its field and its token is not quoted', async () => {
  const { client } = await connectedClient({
    getSession: async () => ({ token: 'secret', expiresIn: 'soon' }) as never,
  })
  const state = client.getSnapshot()

  expect(state).toMatchObject({ error: { field: 'expiresIn' } })
  expect(json(state)).not.toContain('secret')
})

test('the token is renewed at 70 to 90 % of its life, in the same broker session, and nobody sees it', async () => {
  const { client, clock, broker, asked } = await connectedClient({ expiresIn: 1000 })
  const states = follow(client)
  await clock.advance(799_000)
  expect(asked).toHaveLength(1)
  await clock.advance(1000)

  expect(asked.map(({ reason }) => reason)).toEqual(['connect', 'renew'])
  expect(broker.connects).toHaveLength(2)
  expect(broker.connects[1]?.password).not.toBe(broker.connects[0]?.password)
  await clock.advance(10_000)
  expect(states.map(({ status }) => status)).toEqual(['connected'])
  expect(published(broker, 'DEVICE_DISCONNECTED')).toEqual([])
  expect(broker.connections).toBe(1)
})

test('a renewal that fails is tried again while the connection goes on', async () => {
  let works = true
  const world = clientAmongFakes({ expiresIn: 1000 })
  const answer = world.broker.getSession(USER, { expiresIn: 1000 })
  const { client, clock, broker, asked } = await connectedClient({
    getSession: async (context) => {
      if (!works) throw new Error('down')
      return answer(context)
    },
  })
  const states = follow(client)
  works = false
  await clock.advance(850_000)
  expect(asked.length).toBeGreaterThan(2)
  works = true
  await clock.advance(30_000)

  expect(states.map(({ status }) => status)).toEqual(['connected'])
  expect(broker.connects).toHaveLength(2)
})

test('a token that expired in sleep costs one getSession and no CONNECT with the old one', async () => {
  const { clock, broker, page, asked, client } = await connectedClient({ expiresIn: 3600 })
  broker.cut()
  broker.connects.length = 0
  await clock.sleep(7_200_000)
  page.wake()
  page.wake()
  await clock.advance(100)

  expect(client.getSnapshot().status).toBe('connected')
  expect(asked).toHaveLength(2)
  expect(broker.connects).toHaveLength(1)
})

test('a wake that finds the broker there brings the retained present, and shows nothing', async () => {
  const { client, clock, broker, page } = await connectedClient()
  const states = follow(client)
  const before = broker.subscribes
  page.wake()
  page.wake()
  await clock.advance(10)

  expect(broker.probes).toBe(1)
  expect(broker.subscribes).toBe(before + 1)
  expect(states).toHaveLength(1)
})

test('a half-open link is noticed within the probe time-out of a wake, and replaced at once', async () => {
  const { client, clock, broker, page } = await connectedClient({ probeTimeoutMs: 5000 })
  broker.mute = true
  page.wake()
  await clock.advance(4999)
  expect(client.getSnapshot().status).toBe('connected')
  broker.mute = false
  await clock.advance(1)

  expect(broker.connects).toHaveLength(2)
  expect(client.getSnapshot().status).toBe('connected')
})

test('a wake cuts the wait for the next try short', async () => {
  const { client, clock, broker, page } = clientAmongFakes()
  broker.reachable = false
  client.connect()
  await clock.advance(60_000)
  broker.reachable = true
  page.wake()
  await clock.advance(0)

  expect(client.getSnapshot().status).toBe('connected')
})

test('a jump of the clock is a wake', async () => {
  const { clock, broker } = await connectedClient()
  await clock.sleep(60_000)
  await clock.advance(15_000)

  expect(broker.probes).toBe(1)
})

test('every 5 minutes the present is fetched again', async () => {
  const { clock, broker } = await connectedClient()
  await clock.advance(299_000)
  expect(broker.subscribes).toBe(1)
  await clock.advance(1000)
  expect(broker.subscribes).toBe(2)
})

test('a page that is left lets the will speak, stays away, and is back at once when it returns', async () => {
  const { client, clock, broker, page } = await connectedClient()
  page.leave()
  expect(broker.connections).toBe(0)
  await clock.advance(60_000)
  expect(broker.connects).toHaveLength(1)
  expect(JSON.parse(broker.retained.get(topics.device(DEVICE))?.payload ?? '')).toMatchObject({
    type: 'DEVICE_DISCONNECTED',
    data: { reason: 'lost' },
  })

  page.wake()
  await clock.advance(0)
  expect(client.getSnapshot().status).toBe('connected')
  expect(JSON.parse(broker.retained.get(topics.device(DEVICE))?.payload ?? '').type).toBe('DEVICE_CONNECTED')
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

function presence(
  type: 'DEVICE_CONNECTED' | 'DEVICE_DISCONNECTED',
  session: number,
  reason: 'lost' | 'signed-out' = 'lost',
) {
  return type === 'DEVICE_CONNECTED'
    ? message(type, { deviceId: DEVICE, name: 'x', platform: 'web', session, epoch: 'e' })
    : message(type, { deviceId: DEVICE, session, reason })
}

test('signed out elsewhere: it stops, says so, and does not come back', async () => {
  const { client, clock, broker } = await connectedClient()
  const [birth] = published(broker, 'DEVICE_CONNECTED')
  broker.publish(
    topics.device(DEVICE),
    json(presence('DEVICE_DISCONNECTED', birth.data.session, 'signed-out')),
    { retain: true },
  )
  await clock.advance(600_000)

  expect(client.getSnapshot()).toMatchObject({ status: 'disconnected', reason: 'signed-out' })
  expect(broker.connects).toHaveLength(1)
  expect(broker.connections).toBe(0)
})

test('a late will of an older session is answered by the birth', async () => {
  const { client, clock, broker } = await connectedClient()
  const [birth] = published(broker, 'DEVICE_CONNECTED')
  broker.publish(topics.device(DEVICE), json(presence('DEVICE_DISCONNECTED', birth.data.session - 1)), {
    retain: true,
  })
  await clock.advance(0)

  expect(published(broker, 'DEVICE_CONNECTED')).toHaveLength(2)
  expect(client.getSnapshot().status).toBe('connected')
})

test('another connection with a higher session is outbid with a new one', async () => {
  const { client, clock, broker, asked } = await connectedClient()
  const [birth] = published(broker, 'DEVICE_CONNECTED')
  broker.publish(topics.device(DEVICE), json(presence('DEVICE_CONNECTED', birth.data.session + 5000)), {
    retain: true,
  })
  await clock.advance(1000)

  expect(asked.map(({ reason }) => reason)).toEqual(['connect', 'outbid'])
  expect(asked[1]?.request.lastSession).toBe(birth.data.session + 5000)
  expect(published(broker, 'DEVICE_CONNECTED').at(-1).data.session).toBeGreaterThan(birth.data.session + 5000)
  expect(client.getSnapshot().status).toBe('connected')
})

test('resync is told once per connect, and why', async () => {
  const world = clientAmongFakes({ queueLimit: 2 })
  const { client, clock, broker } = world
  const causes: string[] = []
  client.onResync(({ cause }) => causes.push(cause))
  const again = async (before: () => void) => {
    broker.reachable = false
    broker.cut()
    before()
    broker.reachable = true
    await clock.advance(40_000)
    expect(client.getSnapshot().status).toBe('connected')
    return causes.splice(0)
  }
  client.connect()
  await clock.advance(0)

  expect(causes.splice(0)).toEqual(['no-session'])
  expect(await again(() => undefined)).toEqual([])
  expect(
    await again(() => broker.publish(topics.prompts, json(message('PROMPT_CHANGE', { action: 'created' })))),
  ).toEqual([])
  expect(
    await again(() => {
      for (let n = 0; n < 2; n++)
        broker.publish(topics.prompts, json(message('PROMPT_CHANGE', { action: 'created' })))
    }),
  ).toEqual(['queue-full'])
  expect(
    await again(() => {
      broker.epoch = 'epoch-2'
    }),
  ).toEqual(['new-epoch'])
  expect(
    await again(() => {
      broker.epoch = null
    }),
  ).toEqual(['no-epoch'])
  broker.epoch = 'epoch-2'
  expect(await again(() => broker.restart('epoch-3'))).toEqual(['no-session'])
})

test('another copy of this device in between is a reason to fetch anew', async () => {
  const { client, clock, broker } = await connectedClient()
  const causes: string[] = []
  client.onResync(({ cause }) => causes.push(cause))
  const [birth] = published(broker, 'DEVICE_CONNECTED')
  broker.reachable = false
  broker.cut()
  broker.publish(topics.device(DEVICE), json(presence('DEVICE_CONNECTED', birth.data.session - 7)), {
    retain: true,
  })
  broker.reachable = true
  await clock.advance(5000)

  expect(causes).toEqual(['foreign-session'])
})

test('another user: the first leaves, nothing of it is left, and resync is told', async () => {
  let user = USER
  const world: ReturnType<typeof clientAmongFakes> = clientAmongFakes({
    getSession: (context) => world.broker.getSession(user, { expiresIn: 1000 })(context),
  })
  const { client, clock, broker } = world
  const causes: string[] = []
  client.onResync(({ cause }) => causes.push(cause))
  client.connect()
  await clock.advance(0)
  broker.publish(topics.shoot('s'), json(progress(1)), { retain: true })
  await clock.advance(100)
  expect(client.shoots.get('s')).toBeDefined()
  user = 'bob'
  await clock.advance(801_000)

  expect(client.identity?.userId).toBe('bob')
  expect(client.shoots.get('s')).toBeUndefined()
  expect(causes).toEqual(['no-session', 'new-user', 'no-session'])
  expect(published(broker, 'DEVICE_DISCONNECTED').map(({ userId, data }) => [userId, data.reason])).toEqual([
    [USER, 'signed-out'],
  ])
  expect(broker.connections).toBe(1)
})

test('what was queued is replayed, the present is retained, news is neither', async () => {
  const { client, clock, broker } = await connectedClient()
  const heard: unknown[] = []
  client.on('CREDIT_UPDATE', (event, meta) =>
    heard.push([event.data.newBalance, meta.replayed, meta.retained]),
  )
  broker.publish(topics.credits, json(credits(1)))
  broker.reachable = false
  broker.cut()
  broker.publish(topics.credits, json(credits(2)))
  broker.reachable = true
  await clock.advance(5000)
  broker.publish(topics.credits, json(credits(3)))
  broker.reachable = false
  broker.cut()
  broker.retained.set(topics.credits, { payload: json(credits(4)), expiry: null })
  broker.reachable = true
  await clock.advance(5000)

  expect(heard).toEqual([
    [1, false, false],
    [2, true, false],
    [3, false, false],
    [4, false, true],
  ])
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
