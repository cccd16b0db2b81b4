import { expect, test } from 'vitest'
import {
  clientAmongFakes,
  connectedClient,
  credits,
  DEVICE,
  message,
  ownPresence,
  progress,
  published,
  topics,
  USER,
} from './testing.ts'

const json = JSON.stringify

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
  broker.publish(topics.device(DEVICE), json(ownPresence('DEVICE_CONNECTED', birth.data.session - 7)), {
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
