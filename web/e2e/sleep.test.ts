/** A tab behind another, and what it finds when it is looked at again. */
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { eventually, newUser, pings, SECONDS, shows, tokens, World } from './browser.ts'
import { OwnBrowser } from './ownBrowser.ts'

/** Seconds that a session is said to last, long enough to hide and freeze the tab before it is renewed. */
const LIFETIME = 8

let world: World
let browser: OwnBrowser

beforeAll(async () => {
  world = await World.start()
  browser = await OwnBrowser.start()
})
afterAll(async () => {
  await browser?.stop()
  await world?.stop()
})
afterEach(async () => {
  // The profile stays, and with it the id of the device.
  await Promise.all(browser.context.pages().map((page) => page.close()))
  await world.clear()
})

test('a hidden tab, whose own timers sleep, keeps its connection, under a strict CSP without a complaint', async () => {
  // The broker waits half as long again: short enough to wait for, long enough for a busy machine.
  const tab = await world.open(newUser(), { keepalive: '4' }, browser.context)
  const { page } = tab
  await shows(page, 'status', 'connected')
  await page.evaluate(() => {
    const tick = () => {
      window.ticked = performance.now()
      setTimeout(tick, 100)
    }
    tick()
  })
  await browser.hide(page)
  // Otherwise it would prove nothing.
  await vi.waitFor(
    async () => expect(await page.evaluate(() => performance.now() - window.ticked)).toBeGreaterThan(3000),
    { timeout: 60_000, interval: 500 },
  )
  const before = pings(tab)
  await vi.waitFor(() => expect(pings(tab)).toBeGreaterThan(before + 1), SECONDS)

  expect(await page.evaluate(() => document.visibilityState)).toBe('hidden')
  expect(tab.sockets).toHaveLength(1)
  expect(await page.evaluate(() => window.statuses)).toEqual(['connecting', 'connected'])
  expect(await page.evaluate(() => window.violations)).toEqual([])
  expect(tab.complaints).toEqual([])
}, 90_000)

test('a link that died silently behind a hidden tab is found dead when the tab is shown, long before its keepalive', async () => {
  const user = newUser()
  const tab = await world.open(user, { keepalive: '30' }, browser.context)
  const { page } = tab
  await shows(page, 'status', 'connected')
  await browser.hide(page)
  world.stack.proxy.blackHole()
  await world.stack.post('prompt-change', { userId: user, action: 'created', title: 'swallowed' })
  expect(await page.evaluate(() => window.statuses)).toEqual(['connecting', 'connected'])
  await page.bringToFront()

  await shows(page, 'titles', 'swallowed')
  expect(await page.evaluate(() => window.heard)).toEqual(['swallowed replayed'])
  expect(await page.evaluate(() => window.statuses)).toEqual([
    'connecting',
    'connected',
    'reconnecting',
    'connected',
  ])
  expect(await page.evaluate(() => window.resyncs)).toEqual(['no-session'])
})

test('a tab whose token expired while it was frozen asks for one session when it is shown, connects with no old token, and tells once what it slept through', async () => {
  const user = newUser()
  const tab = await world.open(user, { lifetime: `${LIFETIME}` }, browser.context)
  const { page } = tab
  await shows(page, 'status', 'connected')
  const shoot = (status: string) => ({
    userId: user,
    shootId: 'wedding',
    status,
    processedCount: 4,
    totalCount: 9,
  })
  await world.stack.post('shoot-progress', shoot('processing'))
  await shows(page, 'progress', '4')
  const [old] = tokens(tab)
  await page.evaluate(() => {
    window.lifetime = null
  })
  // Off line before it is frozen: awake, it would try with the token that it has.
  world.stack.proxy.hold(true)
  world.stack.proxy.cut()
  await shows(page, 'status', 'reconnecting')
  await browser.hide(page)
  const debug = await page.context().newCDPSession(page)
  await debug.send('Page.setWebLifecycleState', { state: 'frozen' })
  await new Promise((resolve) => setTimeout(resolve, LIFETIME * 1000))
  await world.stack.post('prompt-change', { userId: user, action: 'created', title: 'slept through' })
  await world.stack.post('shoot-progress', shoot('completed'))
  world.stack.proxy.hold(false)
  expect(tokens(tab)).toEqual([old])
  await debug.send('Page.setWebLifecycleState', { state: 'active' })
  await page.bringToFront()

  await shows(page, 'titles', 'slept through')
  await eventually(() => page.evaluate(() => window.asked), ['connect', 'renew'])
  expect(tokens(tab)).toEqual([old, expect.any(String)])
  expect(tokens(tab)[1]).not.toBe(old)
  await eventually(() => page.evaluate(() => window.finished), ['completed 0 replayed'])
})
