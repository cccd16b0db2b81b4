import { expect, test } from 'vitest'
import { clientAmongFakes, connectedClient, DEVICE, follow, topics } from './testing.ts'

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
