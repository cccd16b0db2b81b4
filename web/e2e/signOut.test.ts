/** Whoever is signed out in Chromium stays out, and whoever comes next finds nothing of the one before. */
import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { eventually, newUser, shows, type Tab, tokens, World } from './browser.ts'

let world: World

beforeAll(async () => {
  world = await World.start()
})
afterAll(() => world?.stop())
afterEach(() => world.clear())

/** Two tabs of a browser in step, of which the first leads, and a watcher. */
async function twoTabs(options: Record<string, string> = {}) {
  const user = newUser()
  const seen = await world.watch(user)
  const context = await world.newBrowser()
  const tabs: Tab[] = []
  for (let n = 0; n < 2; n++) {
    const tab = await world.open(user, options, context)
    await shows(tab.page, 'status', 'connected')
    tabs.push(tab)
  }
  const pages = tabs.map(({ page }) => page)
  const device = await pages[0]?.evaluate(() => window.sync.identity?.deviceId)
  if (device === undefined) throw new Error('The page has no device')
  return { user, seen, tabs, pages, device }
}

const posted = (user: string, title: string) =>
  world.stack.post('prompt-change', { userId: user, action: 'created', title })

/** What the client keeps in the browser. */
const kept = (page: Page) => page.evaluate(() => ({ ...localStorage }))

describe('a tab is told that it is signed out, and stays so', () => {
  interface Way {
    readonly how: string
    readonly reason: string
    readonly options?: Record<string, string>
    readonly happen: (pages: readonly Page[], user: string, device: string) => Promise<unknown>
  }
  // A session that is about to be renewed, so that the app is asked who is signed in.
  const SHORT = { lifetime: '3' }
  const ways: readonly Way[] = [
    {
      how: 'by another device',
      reason: 'signed-out',
      happen: (_, user, device) => world.stack.signOut(user, device),
    },
    {
      how: 'because nobody is signed in to the app any more',
      reason: 'signed-out',
      options: SHORT,
      happen: (pages) => everywhere(pages, null),
    },
    {
      how: "because the app's token is refused with 401",
      reason: 'unauthorized',
      options: SHORT,
      happen: (pages, user) => everywhere(pages, { userId: user, token: 'stale' }),
    },
  ]
  const everywhere = (pages: readonly Page[], signedIn: Window['signedIn']) =>
    Promise.all(
      pages.map((page) =>
        page.evaluate((value) => {
          window.signedIn = value
        }, signedIn),
      ),
    )

  test.each(ways.map((way) => [way.how, way] as const))('%s', async (_, { reason, options, happen }) => {
    const { user, seen, tabs, pages, device } = await twoTabs(options)
    await happen(pages, user, device)
    for (const page of pages) {
      await shows(page, 'status', 'disconnected')
      await shows(page, 'reason', reason)
      await shows(page, 'devices', '0')
    }
    await eventually(() => seen, [`${device} connected`, `${device} signed-out`])
    const asked = () => Promise.all(pages.map((page) => page.evaluate(() => window.asked.length)))
    const before = { asked: await asked(), connects: tabs.flatMap(tokens) }
    for (const page of pages)
      await page.evaluate(() => {
        window.sync.retryNow()
        dispatchEvent(new Event('online'))
        dispatchEvent(new Event('focus'))
      })
    // The watcher alone is left, in as much time as a new connection would take.
    await world.open(user).then(({ page }) => shows(page, 'status', 'connected'))

    expect({ asked: await asked(), connects: tabs.flatMap(tokens) }).toEqual(before)
    for (const page of pages) expect(await kept(page)).toEqual({})
  })
})

describe('when another user signs in, nothing of the first is left', () => {
  interface Switch {
    readonly how: string
    readonly options?: Record<string, string>
    readonly happen: (pages: readonly Page[], next: Window['signedIn']) => Promise<unknown>
  }
  const signIn = (page: Page, next: Window['signedIn']) =>
    page.evaluate((value) => {
      window.signedIn = value
    }, next)
  const switches: readonly Switch[] = [
    {
      how: 'signed out in one tab, signed in again in each',
      async happen(pages, next) {
        await pages[1]?.evaluate(() => window.sync.signOut())
        for (const page of pages) await shows(page, 'status', 'disconnected')
        for (const page of pages) await signIn(page, next)
        for (const page of pages) await page.evaluate(() => window.sync.connect())
      },
    },
    {
      how: 'when the session is renewed, the app has changed its user',
      options: { lifetime: '3' },
      happen: (pages, next) => Promise.all(pages.map((page) => signIn(page, next))),
    },
  ]

  test.each(switches.map((way) => [way.how, way] as const))('%s', async (_, { options, happen }) => {
    const { user, seen, pages, device } = await twoTabs(options)
    const shoot = { shootId: 'wedding', status: 'processing', processedCount: 5, totalCount: 9 }
    await world.stack.post('shoot-progress', { userId: user, ...shoot })
    await posted(user, 'of the first')
    for (const page of pages) {
      await shows(page, 'titles', 'of the first')
      await shows(page, 'progress', '5')
      await shows(page, 'devices', '2')
    }
    const next = newUser()
    await happen(pages, { userId: next, token: world.stack.token(next) })
    const identities = () =>
      Promise.all(pages.map((page) => page.evaluate(() => window.sync.identity?.userId)))
    await eventually(identities, [next, next])
    await eventually(() => seen, [`${device} connected`, `${device} signed-out`])
    for (const page of pages) await shows(page, 'status', 'connected')

    await posted(user, 'for the first alone')
    await posted(next, 'of the second')
    for (const page of pages) {
      await shows(page, 'titles', 'of the first, of the second')
      await shows(page, 'progress', 'none')
      await shows(page, 'devices', '1')
      const shown = await page.evaluate(() => [
        window.sync.shoots.list(),
        window.sync.devices.list().map(({ self }) => self),
      ])
      expect(shown).toEqual([[], [true]])
      expect(JSON.stringify(await kept(page))).not.toContain(user)
    }
    // Not even a session that sleeps: only the watcher had one, and it goes.
    await world.clear()
    expect(await posted(user, 'to nobody')).toMatchObject({ listeners: 'none' })
  })
})
