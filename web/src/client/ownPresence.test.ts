import { expect, test } from 'vitest'
import { connectedClient, DEVICE, ownPresence, published, topics } from './testing.ts'

const json = JSON.stringify

test('signed out elsewhere: it stops, says so, and does not come back', async () => {
  const { client, clock, broker } = await connectedClient()
  const [birth] = published(broker, 'DEVICE_CONNECTED')
  broker.publish(
    topics.device(DEVICE),
    json(ownPresence('DEVICE_DISCONNECTED', birth.data.session, 'signed-out')),
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
  broker.publish(topics.device(DEVICE), json(ownPresence('DEVICE_DISCONNECTED', birth.data.session - 1)), {
    retain: true,
  })
  await clock.advance(0)

  expect(published(broker, 'DEVICE_CONNECTED')).toHaveLength(2)
  expect(client.getSnapshot().status).toBe('connected')
})

test('another connection with a higher session is outbid with a new one', async () => {
  const { client, clock, broker, asked } = await connectedClient()
  const [birth] = published(broker, 'DEVICE_CONNECTED')
  broker.publish(topics.device(DEVICE), json(ownPresence('DEVICE_CONNECTED', birth.data.session + 5000)), {
    retain: true,
  })
  await clock.advance(1000)

  expect(asked.map(({ reason }) => reason)).toEqual(['connect', 'outbid'])
  expect(asked[1]?.request.lastSession).toBe(birth.data.session + 5000)
  expect(published(broker, 'DEVICE_CONNECTED').at(-1).data.session).toBeGreaterThan(birth.data.session + 5000)
  expect(client.getSnapshot().status).toBe('connected')
})
