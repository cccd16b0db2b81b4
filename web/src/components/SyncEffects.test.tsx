// @vitest-environment jsdom
import { describe, expect, test, vi } from 'vitest'
import { clientAmongFakes, credits, DEVICE, message, topics, USER } from '../client/testing.ts'
import { SyncEffects, type SyncToast } from './SyncEffects.tsx'
import { showConnected, type World, watchReact } from './testing.tsx'

watchReact()

const json = JSON.stringify
const promptChange = (userId?: null) =>
  json(message('PROMPT_CHANGE', { action: 'updated', title: 'x' }, userId === null ? { userId } : {}))
const born = (deviceId: string, session = 1) =>
  json(message('DEVICE_CONNECTED', { deviceId, name: deviceId, platform: 'mac', session, epoch: 'epoch-1' }))
const gone = (deviceId: string, session = 1) =>
  json(message('DEVICE_DISCONNECTED', { deviceId, session, reason: 'lost' }))

/** An app in step, with what it was asked to do. The refetch after the first connect is over. */
async function app(world = clientAmongFakes()) {
  const toasts: SyncToast[] = []
  const balance = vi.fn()
  const marketplace = vi.fn()
  const screen = await showConnected(
    // New functions at each render, as apps write them.
    <SyncEffects
      balance={() => balance()}
      marketplace={() => marketplace()}
      toast={(toast) => toasts.push(toast)}
    />,
    world,
  )
  const first = { balance: balance.mock.calls.length, marketplace: marketplace.mock.calls.length }
  await screen.pass(10_000)
  const later = {
    balance: balance.mock.calls.length - first.balance,
    marketplace: marketplace.mock.calls.length - first.marketplace,
  }
  balance.mockClear()
  marketplace.mockClear()
  return { ...screen, toasts, balance, marketplace, afterConnect: { first, later } }
}

describe('the balance', () => {
  test('is fetched again and told in one toast, however many changes come in a burst', async () => {
    const screen = await app()
    for (const balance of [11, 12, 13]) screen.broker.publish(topics.credits, json(credits(balance)))
    await screen.pass(500)
    expect(screen.balance).toHaveBeenCalledOnce()
    expect(screen.toasts).toEqual([
      { key: 'credits', kind: 'credits', newBalance: 13, change: 3, text: 'Balance: 13 credits (+3)' },
    ])
    await screen.act(() => screen.broker.publish(topics.credits, json(credits(14))))
    await screen.pass(500)
    expect(screen.balance).toHaveBeenCalledTimes(2)
    expect(screen.toasts[1]?.text).toBe('Balance: 14 credits (+1)')
  })

  test.each(['replayed', 'retained'])(
    'is fetched again without a toast after a change that is %s',
    async (how) => {
      const screen = await app()
      screen.broker.cut()
      screen.broker.publish(topics.credits, json(credits(20)), { retain: how === 'retained' })
      await screen.pass(60_000)
      expect(screen.client.getSnapshot().status).toBe('connected')
      expect(screen.balance).toHaveBeenCalledOnce()
      expect(screen.toasts).toEqual([])
    },
  )

  test('is fetched again without a toast after a change that this device made', async () => {
    const screen = await app()
    screen.broker.publish(topics.credits, json({ ...credits(20), deviceId: DEVICE }))
    await screen.pass(500)
    expect(screen.balance).toHaveBeenCalledOnce()
    expect(screen.toasts).toEqual([])
  })

  test('is not fetched twice at a time: what comes meanwhile is fetched after, once', async () => {
    const screen = await app()
    let end: () => void = () => undefined
    screen.balance.mockImplementation(() => new Promise<void>((resolve) => (end = resolve)))
    for (const balance of [20, 21, 22]) {
      screen.broker.publish(topics.credits, json(credits(balance)))
      await screen.pass(500)
    }
    expect(screen.balance).toHaveBeenCalledOnce()
    await screen.act(() => end())
    expect(screen.balance).toHaveBeenCalledTimes(2)
    await screen.act(() => end())
    expect(screen.balance).toHaveBeenCalledTimes(2)
  })

  test('is fetched at the next change, although it failed at the last; the page is told of that', async () => {
    const screen = await app()
    const failures: unknown[] = []
    const onError = (event: ErrorEvent) => {
      event.preventDefault()
      failures.push(event.error)
    }
    window.addEventListener('error', onError)
    screen.balance.mockRejectedValueOnce(new Error('503'))
    screen.broker.publish(topics.credits, json(credits(20)))
    await screen.pass(500)
    screen.broker.publish(topics.credits, json(credits(21)))
    await screen.pass(500)
    window.removeEventListener('error', onError)
    expect(screen.balance).toHaveBeenCalledTimes(2)
    expect(failures).toEqual([new Error('503')])
  })
})

describe('the marketplace', () => {
  test("is fetched again soon after a change of the user's own prompts, once for many", async () => {
    const screen = await app()
    for (let n = 0; n < 3; n++) screen.broker.publish(topics.prompts, promptChange())
    await screen.pass(500)
    expect(screen.marketplace).toHaveBeenCalledOnce()
    expect(screen.toasts).toEqual([])
  })

  test('is fetched after a random wait when everyone was told, once for many', async () => {
    const screen = await app(clientAmongFakes({ random: () => 0.7 }))
    screen.broker.publish(topics.allPrompts, promptChange(null))
    await screen.pass(1000)
    screen.broker.publish(topics.allPrompts, promptChange(null))
    await screen.pass(5900)
    expect(screen.marketplace).not.toHaveBeenCalled()
    await screen.pass(100)
    expect(screen.marketplace).toHaveBeenCalledOnce()
    await screen.pass(10_000)
    expect(screen.marketplace).toHaveBeenCalledOnce()
  })

  test('is fetched in a hidden tab only when that is seen again', async () => {
    const screen = await app()
    screen.page.visible = false
    screen.broker.publish(topics.prompts, promptChange())
    screen.broker.publish(topics.prompts, promptChange())
    await screen.pass(20_000)
    await screen.act(() => screen.page.wake())
    expect(screen.marketplace).not.toHaveBeenCalled()
    screen.page.visible = true
    await screen.act(() => screen.page.wake())
    expect(screen.marketplace).toHaveBeenCalledOnce()
    await screen.act(() => screen.page.wake())
    expect(screen.marketplace).toHaveBeenCalledOnce()
  })
})

describe('a device', () => {
  test('that comes on line is told once, and several in a burst in one toast', async () => {
    const screen = await app()
    screen.broker.publish(topics.device('mac'), born('mac'))
    screen.broker.publish(topics.device('mac'), born('mac', 2))
    screen.broker.publish(topics.device('ipad'), born('ipad'))
    await screen.pass(500)
    for (const device of ['a', 'b', 'c', 'd']) screen.broker.publish(topics.device(device), born(device))
    await screen.pass(500)
    expect(screen.toasts.map(({ text }) => text)).toEqual([
      '\u2068mac\u2069, \u2068ipad\u2069 are online',
      '4 devices are online',
    ])
  })

  test('that renews its session is not told again; one that was away is', async () => {
    const screen = await app()
    screen.broker.publish(topics.device('mac'), born('mac'))
    await screen.pass(500)
    screen.broker.publish(topics.device('mac'), born('mac', 2))
    await screen.pass(500)
    expect(screen.toasts).toHaveLength(1)
    screen.broker.publish(topics.device('mac'), gone('mac', 2))
    await screen.pass(500)
    screen.broker.publish(topics.device('mac'), born('mac', 3))
    await screen.pass(500)
    expect(screen.toasts.map(({ text }) => text)).toEqual([
      '\u2068mac\u2069 is online',
      '\u2068mac\u2069 is online',
    ])
  })

  test('that has gone again before it was told is not', async () => {
    const screen = await app()
    screen.broker.publish(topics.device('mac'), born('mac'))
    screen.broker.publish(topics.device('mac'), gone('mac'))
    await screen.pass(500)
    expect(screen.toasts).toEqual([])
  })

  test('that is there when the page begins, or is this one, is no news', async () => {
    const world = clientAmongFakes()
    world.broker.publish(topics.device('mac'), born('mac'), { retain: true })
    const screen = await app(world)
    expect(screen.client.devices.get(DEVICE)?.online).toBe(true)
    expect(screen.client.devices.get('mac')?.online).toBe(true)
    expect(screen.toasts).toEqual([])
  })
})

describe('when something may have been missed', () => {
  test('both are fetched again once, after a random wait, without a toast', async () => {
    const screen = await app()
    expect(screen.afterConnect).toEqual({
      first: { balance: 0, marketplace: 0 },
      later: { balance: 1, marketplace: 1 },
    })
    await screen.act(() => screen.broker.restart('epoch-2'))
    await screen.pass(60_000)
    expect(screen.balance).toHaveBeenCalledOnce()
    expect(screen.marketplace).toHaveBeenCalledOnce()
    expect(screen.toasts).toEqual([])
  })
})

test('another user is told nothing of the one before, and everything is fetched at once', async () => {
  let user = USER
  const world: World = clientAmongFakes({
    getSession: (context) => world.broker.getSession(user, { expiresIn: 1000 })(context),
  })
  const screen = await app(world)
  user = 'bob'
  // Until just before the token is renewed.
  await screen.clock.advance(789_800)
  screen.broker.publish(topics.credits, json(credits(20)))
  screen.broker.publish(topics.device('mac'), born('mac'))
  await screen.pass(300)
  expect(screen.client.identity?.userId).toBe('bob')
  expect(screen.balance).toHaveBeenCalledOnce()
  expect(screen.marketplace).toHaveBeenCalledOnce()
  await screen.pass(1000)
  expect(screen.toasts).toEqual([])
})

test('off the screen it does nothing more', async () => {
  const screen = await app()
  screen.broker.publish(topics.credits, json(credits(20)))
  screen.broker.publish(topics.allPrompts, promptChange(null))
  await screen.act(() => screen.unmount())
  await screen.pass(20_000)
  expect(screen.balance).not.toHaveBeenCalled()
  expect(screen.marketplace).not.toHaveBeenCalled()
  expect(screen.toasts).toEqual([])
})
