import { expect, test } from 'vitest'
import { browserAmongFakes, credits, message, progress, topics } from './testing.ts'

const json = JSON.stringify

function types(broker: { published: readonly { payload: string }[] }) {
  return broker.published.flatMap(({ payload }) => (payload ? [JSON.parse(payload).type] : []))
}

test('tabs are one device with one connection, and all are told everything', async () => {
  const { clock, broker, asked, open } = browserAmongFakes()
  const tabs = [await open(), await open(), await open()]
  const told: string[] = []
  for (const [n, { client }] of tabs.entries())
    client.on('CREDIT_UPDATE', ({ data }) => told.push(`${n} ${data.newBalance}`))
  broker.publish(topics.credits, json(credits(5)))
  await clock.advance(0)

  expect(broker.connects).toHaveLength(1)
  expect(asked).toHaveLength(1)
  expect(told).toEqual(['0 5', '1 5', '2 5'])
  for (const { client } of tabs) {
    expect(client.getSnapshot().status).toBe('connected')
    expect(client.identity).toEqual(tabs[0]?.client.identity)
    expect(client.devices.list()).toMatchObject([{ self: true, online: true }])
  }
})

test('a new tab is shown the present, and told to fetch', async () => {
  const { clock, broker, open } = browserAmongFakes()
  await open()
  broker.publish(topics.shoot('s'), json(progress(3)), { retain: true })
  const { client, resyncs } = await open()
  await clock.advance(100)

  expect(client.shoots.get('s')).toMatchObject({ sequence: 3 })
  expect(resyncs).toEqual(['foreign-session'])
})

test('a message is passed on before the broker is told that it arrived', async () => {
  const { clock, broker, browser, open } = browserAmongFakes()
  const leader = await open()
  const follower = await open()
  const told: number[] = []
  leader.client.on('CREDIT_UPDATE', () => browser.tabs.delete(leader.tab))
  follower.client.on('CREDIT_UPDATE', ({ data }) => told.push(data.newBalance))
  broker.publish(topics.credits, json(credits(5)))
  await clock.advance(0)

  expect(told).toEqual([5])
})

test('a leader that crashes is replaced in the same broker session: nothing is missed, nobody sees it', async () => {
  const { clock, broker, open } = browserAmongFakes()
  const leader = await open()
  const follower = await open()
  const told: unknown[] = []
  follower.client.on('PROMPT_CHANGE', ({ data }) => told.push(data.title))
  follower.resyncs.length = follower.statuses.length = 0
  broker.reachable = false
  broker.cut()
  leader.tab.crash()
  broker.publish(topics.prompts, json(message('PROMPT_CHANGE', { action: 'created', title: 'in between' })))
  broker.reachable = true
  await clock.advance(4000)
  broker.publish(topics.prompts, json(message('PROMPT_CHANGE', { action: 'created', title: 'later' })))
  await clock.advance(10_000)

  expect(told).toEqual(['in between', 'later'])
  expect(follower.client.getSnapshot().status).toBe('connected')
  expect(follower.resyncs).toEqual([])
  expect(broker.sessions).toBe(1)
  expect(broker.connections).toBe(1)
  expect(types(broker)).not.toContain('DEVICE_DISCONNECTED')
})

test('a handover that works shows nothing', async () => {
  const { clock, broker, open } = browserAmongFakes()
  const leader = await open()
  const follower = await open()
  follower.statuses.length = 0
  leader.tab.crash()
  await clock.advance(1000)

  expect(broker.connects).toHaveLength(2)
  expect(follower.statuses).toEqual([])
})

test('a handover that does not work shows', async () => {
  const { clock, broker, open } = browserAmongFakes()
  const leader = await open()
  const follower = await open()
  broker.reachable = false
  leader.tab.crash()
  await clock.advance(10)

  expect(follower.client.getSnapshot()).toMatchObject({ status: 'reconnecting' })
})

test('a tab that leaves by itself leaves the device to the others; the last one says goodbye', async () => {
  const { clock, broker, open } = browserAmongFakes()
  const first = await open()
  const second = await open()
  second.statuses.length = 0
  await first.client.disconnect()
  await clock.advance(10_000)
  expect(first.client.getSnapshot()).toMatchObject({ status: 'disconnected', reason: 'idle' })
  expect(second.client.getSnapshot().status).toBe('connected')
  expect(second.statuses).toEqual([])
  expect(types(broker)).not.toContain('DEVICE_DISCONNECTED')

  await second.client.disconnect()
  expect(types(broker).at(-1)).toBe('DEVICE_DISCONNECTED')
  expect(broker.sessions).toBe(0)
})

test('a frozen leader that leaves a visible tab unanswered for 2 seconds loses the lead, and sees it when it thaws', async () => {
  const { clock, broker, open } = browserAmongFakes()
  const leader = await open()
  const follower = await open()
  leader.tab.frozen = true
  follower.page.wake()
  await clock.advance(1999)
  expect(broker.connects).toHaveLength(1)
  await clock.advance(1)
  expect(broker.connects).toHaveLength(2)

  leader.resyncs.length = 0
  leader.tab.thaw()
  leader.page.wake()
  await clock.advance(60_000)
  expect(leader.resyncs).toEqual([])
  expect(broker.connects).toHaveLength(2)
  expect(broker.connections).toBe(1)
  expect(types(broker)).not.toContain('DEVICE_DISCONNECTED')
  expect(leader.client.getSnapshot().status).toBe('connected')
  const told: number[] = []
  leader.client.on('CREDIT_UPDATE', ({ data }) => told.push(data.newBalance))
  broker.publish(topics.credits, json(credits(8)))
  await clock.advance(0)
  expect(told).toEqual([8])
})

test('a hidden tab puts up with a leader that does not answer', async () => {
  const { clock, broker, open } = browserAmongFakes()
  const leader = await open()
  const follower = await open()
  follower.page.visible = false
  leader.tab.frozen = true
  follower.page.wake()
  await clock.advance(60_000)

  expect(broker.connects).toHaveLength(1)
})

test('a leader that answers keeps the lead', async () => {
  const { clock, broker, open } = browserAmongFakes()
  await open()
  await open()
  await clock.advance(600_000)

  expect(broker.connects).toHaveLength(1)
})

test('signing out in any tab signs out all, with one goodbye, and nothing is kept', async () => {
  const { clock, broker, storage, open } = browserAmongFakes()
  const tabs = [await open(), await open(), await open()]
  const id = tabs[0]?.client.identity?.deviceId
  await tabs[1]?.client.signOut()
  await clock.advance(10_000)

  for (const { client } of tabs) {
    expect(client.getSnapshot()).toMatchObject({ status: 'disconnected', reason: 'signed-out' })
    expect(client.identity).toBeNull()
  }
  expect(types(broker).filter((type) => type === 'DEVICE_DISCONNECTED')).toHaveLength(1)
  expect(broker.connects).toHaveLength(1)
  expect(broker.sessions).toBe(0)
  expect(storage.getItem('kull-sync:device')).toBeNull()
  expect(storage.getItem(`kull-sync:session:${id}`)).toBeNull()
})

test('a tab that does not lead is signed out at once, and done when the one that leads has said goodbye', async () => {
  const { broker, open } = browserAmongFakes()
  await open()
  const { client } = await open()
  const done = client.signOut()
  expect(client.getSnapshot()).toMatchObject({ status: 'disconnected', reason: 'signed-out' })
  expect(broker.sessions).toBe(1)
  await done

  expect(types(broker).at(-1)).toBe('DEVICE_DISCONNECTED')
  expect(broker.sessions).toBe(0)
})

test('a leader that is frozen holds up no sign-out for long, and no tab connects in its place', async () => {
  const { clock, broker, open } = browserAmongFakes()
  const leader = await open()
  const { client } = await open()
  leader.tab.frozen = true
  let done = false
  void client.signOut().then(() => {
    done = true
  })
  await clock.advance(60_000)

  expect(done).toBe(true)
  expect(broker.connects).toHaveLength(1)
})

test('without a session to be had all tabs stop', async () => {
  const { clock, open } = browserAmongFakes({ getSession: async () => null })
  const tabs = [await open(), await open()]
  await clock.advance(60_000)

  for (const { client } of tabs)
    expect(client.getSnapshot()).toMatchObject({ status: 'disconnected', reason: 'signed-out' })
})

test('after a sign-out the next user begins anew', async () => {
  const { clock, broker, open } = browserAmongFakes()
  const { client } = await open()
  const before = client.identity?.deviceId
  await client.signOut()
  client.connect()
  await clock.advance(0)

  expect(client.getSnapshot().status).toBe('connected')
  expect(client.identity?.deviceId).not.toBe(before)
  expect(broker.connections).toBe(1)
})

test('a tab that does not lead updates and pings through the one that does, also when that changes', async () => {
  const { clock, broker, open } = browserAmongFakes()
  const leader = await open()
  const follower = await open()
  const sent: string[] = []
  const answer = { on: false }
  const deviceId = leader.client.identity?.deviceId
  broker.onPublish = ({ payload }) => {
    if (payload === '') return
    const { type, id, data } = JSON.parse(payload)
    const reply = (what: object) => broker.publish(`sync/v1/users/ada/inbox/${deviceId}`, json(what))
    if (type === 'PING') reply(message('PONG', { sentAt: data.sentAt, receivedAt: 1 }))
    if (type !== 'UPDATE_PROGRESS') return
    sent.push(id)
    if (answer.on) reply(message('ACK', { inReplyTo: id }))
  }
  expect(await Promise.all([follower.client.ping(), clock.advance(0)])).toHaveLength(2)

  let taken = false
  void follower.client
    .updateProgress({ shootId: 's', status: 'processing', processedCount: 1, totalCount: 2 })
    .then(() => {
      taken = true
    })
  await clock.advance(0)
  expect(sent).toHaveLength(1)
  answer.on = true
  leader.tab.crash()
  await clock.advance(1000)
  expect(taken).toBe(true)
  expect(new Set(sent).size).toBe(1)
})

test('trouble is shown in every tab, and any of them may hurry', async () => {
  const { clock, broker, open } = browserAmongFakes()
  await open()
  const { client } = await open()
  broker.reachable = false
  broker.cut()
  await clock.advance(20_000)
  expect(client.getSnapshot()).toMatchObject({
    status: 'reconnecting',
    prolonged: true,
    error: { code: 'link-failed', retryable: true },
  })
  broker.reachable = true
  client.retryNow()
  await clock.advance(0)
  expect(client.getSnapshot().status).toBe('connected')
})

test('groups of tabs have nothing to do with each other', async () => {
  const { broker, open } = browserAmongFakes({ device: { id: 'shared' } })
  const { client } = await open({ tabGroup: 'ada' })
  const other = await open({ tabGroup: 'bob', getSession: broker.getSession('bob') })

  expect([client.identity?.userId, other.client.identity?.userId]).toEqual(['ada', 'bob'])
  expect(broker.connections).toBe(2)
})

test('a tab that somebody comes back to makes the leader look', async () => {
  const { clock, broker, open } = browserAmongFakes()
  await open()
  const { page } = await open()
  const before = broker.probes
  page.wake()
  await clock.advance(0)

  expect(broker.probes).toBe(before + 1)
})
