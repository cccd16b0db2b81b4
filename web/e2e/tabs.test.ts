/** Several tabs of one Chromium: one connection, one presence, whatever becomes of a tab. */
import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { newUser, SECONDS, shows, type Tab, World } from './browser.ts'

let world: World

beforeAll(async () => {
  world = await World.start()
})
afterAll(() => world?.stop())
afterEach(() => world.clear())

/** A browser with so many tabs, the first of which leads, and a watcher beside it. */
async function browser(count: number) {
  const user = newUser()
  const seen = await world.watch(user)
  const context = await world.newBrowser()
  const tabs: Tab[] = []
  for (let n = 0; n < count; n++) {
    const tab = await world.open(user, {}, context)
    await shows(tab.page, 'status', 'connected')
    tabs.push(tab)
  }
  const post = (title: string) =>
    world.stack.post('prompt-change', { userId: user, action: 'created', title })
  const id = await tabs[0]?.page.evaluate(() => window.sync.identity?.deviceId)
  return { tabs, seen, post, id, pages: tabs.map(({ page }) => page) }
}

/** Waits until the broker has so many connections of devices, the watcher's aside. */
const connections = (count: number) =>
  vi.waitFor(() => expect(world.stack.proxy.open - 1).toBe(count), SECONDS)

test.each([2, 5])('%i tabs are one connection and one device, and each is told everything', async (count) => {
  const { pages, seen, post, id } = await browser(count)
  await post('to all')
  for (const page of pages) await shows(page, 'titles', 'to all')
  for (const page of pages) await shows(page, 'devices', '2')

  await connections(1)
  expect(seen).toEqual([`${id} connected`])
})

const ends: readonly (readonly [string, (page: Page) => Promise<unknown>])[] = [
  ['closed', (page) => page.close({ runBeforeUnload: true })],
  [
    'crashed',
    async (page) => {
      const crashed = new Promise((resolve) => page.once('crash', resolve))
      // Never answered: there is nobody left to answer.
      void page.goto('chrome://crash').catch(() => undefined)
      await crashed
    },
  ],
]

test.each(ends)(
  'a leader that is %s is replaced: no event is lost, no tab and no watcher sees it',
  async (_, end) => {
    const { pages, seen, post, id } = await browser(3)
    const [leader, ...others] = pages
    if (leader === undefined) throw new Error('There is no tab')
    const before = world.stack.proxy.connections
    await end(leader)
    await post('in between')
    await vi.waitFor(() => expect(world.stack.proxy.connections).toBe(before + 1), SECONDS)
    await post('later')

    for (const page of others) await shows(page, 'titles', 'in between, later')
    for (const page of others)
      expect(await page.evaluate(() => window.statuses)).toEqual(['connecting', 'connected'])
    await connections(1)
    expect(seen).toEqual([`${id} connected`])
  },
)

test('a leader that is frozen loses the lead to a visible tab, and follows when it thaws', async () => {
  const { pages, seen, post, id } = await browser(2)
  const [leader, follower] = pages
  if (leader === undefined || follower === undefined) throw new Error('There are no two tabs')
  const before = world.stack.proxy.connections
  // Chromium freezes hidden tabs alone, and without a screen none is hidden. A debugger stops the page's code as well.
  const debug = await leader.context().newCDPSession(leader)
  await debug.send('Debugger.enable')
  await debug.send('Debugger.pause')
  await vi.waitFor(() => expect(world.stack.proxy.connections).toBe(before + 1), SECONDS)
  await post('while frozen')
  await shows(follower, 'titles', 'while frozen')
  await debug.send('Debugger.resume')
  await shows(leader, 'titles', 'while frozen')
  await post('after')

  await shows(leader, 'titles', 'while frozen, after')
  await shows(follower, 'titles', 'while frozen, after')
  expect(world.stack.proxy.connections).toBe(before + 1)
  await connections(1)
  expect(seen).toEqual([`${id} connected`])
})

test('signing out in one tab signs out all, with one goodbye', async () => {
  const { pages, seen, id } = await browser(3)
  await pages[1]?.evaluate(() => window.sync.signOut())
  for (const page of pages) await shows(page, 'status', 'disconnected')
  await vi.waitFor(() => expect(seen).toEqual([`${id} connected`, `${id} signed-out`]), SECONDS)

  await connections(0)
  for (const page of pages) expect(await page.evaluate(() => localStorage.length)).toBe(0)
})

test('a tab that follows measures the way through the bridge and publishes updates', async () => {
  const { pages } = await browser(2)
  const [leader, follower] = pages
  if (leader === undefined || follower === undefined) throw new Error('There are no two tabs')
  expect(await follower.evaluate(() => window.sync.ping())).toBeGreaterThan(0)
  await follower.evaluate(() =>
    window.sync.updateProgress({
      shootId: 'wedding',
      status: 'processing',
      processedCount: 3,
      totalCount: 4,
    }),
  )

  await shows(leader, 'progress', '3')
  await shows(follower, 'progress', '3')
})
