import { expect, test } from 'vitest'
import { clientAmongFakes, connectedClient, follow, published, USER } from './testing.ts'

const json = JSON.stringify

async function refuse(status: number): Promise<null> {
  throw Object.assign(new Error('no'), { status })
}

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
