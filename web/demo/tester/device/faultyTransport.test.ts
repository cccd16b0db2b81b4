import { type ConnectRequest, type Link, SyncError, type Transport } from '@kull/sync'
import { beforeEach, expect, test } from 'vitest'
import { FakeBroker } from '../../../src/client/fakeBroker.ts'
import { FakeClock, settle } from '../../../src/client/fakeClock.ts'
import { ANSWER_TIMEOUT } from './faultyLink.ts'
import { FaultyTransport } from './faultyTransport.ts'

const REQUEST: ConnectRequest = {
  url: 'ws://broker',
  clientId: 'ada:one',
  username: 'ada',
  password: 'secret',
  keepalive: 30,
  cleanStart: false,
  sessionExpiry: 60,
  will: { topic: 'wills/one', payload: 'lost', delay: 5, expiry: 60 },
}
const TOPIC = 'news/x'
const MESSAGE = { topic: TOPIC, payload: 'hello', retain: false }

let clock: FakeClock
let broker: FakeBroker
let transport: FaultyTransport
let heard: string[]
let losses: string[]

beforeEach(() => {
  clock = new FakeClock()
  broker = new FakeBroker(clock)
  transport = new FaultyTransport(broker, clock)
  heard = []
  losses = []
})

function connect(signal = new AbortController().signal): Promise<Link> {
  const events = {
    message: ({ payload }: { payload: Uint8Array }) => void heard.push(new TextDecoder().decode(payload)),
    lost: (why: string) => void losses.push(why),
  }
  return transport.connect(REQUEST, events, signal)
}

/** Connected, and subscribed to the topic. */
async function connected(): Promise<Link> {
  const link = await connect()
  await link.subscribe([{ filter: TOPIC, qos: 1 }], 1)
  return link
}

/** What a promise has come to so far. */
async function soFar(promise: Promise<unknown>): Promise<unknown> {
  let outcome: unknown = 'pending'
  promise.then(
    () => {
      outcome = 'done'
    },
    (error) => {
      outcome = error
    },
  )
  await settle()
  return outcome
}

const failed = expect.objectContaining({ code: 'link-failed', retryable: true })

test('while nothing is wrong everything passes', async () => {
  const link = await connected()
  await link.publish(MESSAGE)
  await link.probe()
  expect(heard).toEqual(['hello'])
  expect(broker.probes).toBe(1)
  await link.end()
  expect(broker.sessions).toBe(0)
  expect(losses).toEqual([])
})

test('a cut breaks the connection at once, tells so once, and the broker speaks the will', async () => {
  const link = await connected()
  transport.fault = 'cut'
  expect(losses).toEqual(['The network was cut (simulated)'])
  expect(broker.connections).toBe(0)
  expect(await soFar(link.publish(MESSAGE))).toMatchObject({ code: 'not-connected' })
  await clock.advance(5000)
  expect(broker.retained.get('wills/one')).toMatchObject({ payload: 'lost' })
})

test('no connection can be made through a cut, and one can when it has healed', async () => {
  transport.fault = 'cut'
  expect(await soFar(connect())).toEqual(failed)
  transport.fault = 'none'
  expect(await soFar(connect())).toBe('done')
})

test('in silence nothing arrives and nobody is told, until a question has waited for its answer', async () => {
  const link = await connected()
  transport.fault = 'silent'
  broker.publish(TOPIC, 'unheard')
  const probe = link.probe()
  expect([heard, losses, await soFar(probe)]).toEqual([[], [], 'pending'])
  await clock.advance(ANSWER_TIMEOUT)
  expect(await soFar(probe)).toEqual(failed)
  expect(losses).toEqual(['The broker does not answer'])
})

test('silence that nobody asks into is noticed by the signs of life that are missing', async () => {
  await connected()
  transport.fault = 'silent'
  await clock.advance(44_999)
  expect(losses).toEqual([])
  await clock.advance(1)
  expect(losses).toEqual(['The broker does not answer'])
})

test('a question that was under way when silence fell is not answered either', async () => {
  const link = await connected()
  broker.mute = true
  const probe = link.probe()
  transport.fault = 'silent'
  expect(await soFar(probe)).toBe('pending')
  await clock.advance(45_000)
  expect(await soFar(probe)).toEqual(failed)
})

test('a connection that fell silent does not come back when the network does', async () => {
  const link = await connected()
  transport.fault = 'silent'
  transport.fault = 'none'
  expect(await soFar(link.publish(MESSAGE))).toBe('pending')
  expect(await soFar(connect())).toBe('done')
})

test('what fell silent can still break', async () => {
  await connected()
  transport.fault = 'silent'
  transport.fault = 'cut'
  expect(losses).toEqual(['The network was cut (simulated)'])
  await clock.advance(60_000)
  expect(losses).toHaveLength(1)
})

test('connecting into silence ends without an answer, or when it is called off', async () => {
  transport.fault = 'silent'
  const patient = connect()
  const stop = new AbortController()
  const hasty = connect(stop.signal)
  stop.abort()
  expect(await soFar(hasty)).toMatchObject({ code: 'stopped' })
  expect(await soFar(patient)).toBe('pending')
  await clock.advance(ANSWER_TIMEOUT)
  expect(await soFar(patient)).toEqual(failed)
})

test('a connect that is under way fails with the network', async () => {
  const never: Transport = {
    connect: (_, __, signal) =>
      new Promise((_, reject) =>
        signal.addEventListener('abort', () => reject(new SyncError('stopped', 'The connection was ended'))),
      ),
  }
  transport = new FaultyTransport(never, clock)
  const connecting = connect()
  await settle()
  transport.fault = 'cut'
  expect(await soFar(connecting)).toEqual(failed)
})

test('a loss of the real connection is passed on', async () => {
  await connected()
  broker.cut()
  expect(losses).toEqual(['cut'])
})

test.each(['end', 'leave', 'abort'] as const)('after %s nothing is told any more', async (way) => {
  const link = await connected()
  transport.fault = 'silent'
  if (way === 'end') await link.end()
  else if (way === 'leave') link.leave(null)
  else link.abort()
  await clock.advance(60_000)
  expect(losses).toEqual([])
})

test('a guest that leaves the page clears what is kept of it', async () => {
  const link = await connected()
  broker.publish('wills/one', 'here', { retain: true })
  link.leave('wills/one')
  expect(broker.retained.has('wills/one')).toBe(false)
  expect(broker.sessions).toBe(0)
})
