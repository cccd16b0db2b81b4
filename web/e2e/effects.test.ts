/** What the components do in Chromium, for its user to see: each thing once. */
import { readFileSync } from 'node:fs'
import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { eventually, newUser, SECONDS, shows, World } from './browser.ts'

let world: World

beforeAll(async () => {
  world = await World.start()
})
afterAll(() => world?.stop())
afterEach(async () => {
  world.stack.proxy.hold(false)
  await world.clear()
})

/** A page in step, of a user of its own. */
async function openPage() {
  const user = newUser()
  const { page } = await world.open(user)
  await shows(page, 'status', 'connected')
  return { user, page }
}

/** Cuts the page off while something happens. */
async function whileAway(page: Page, happen: () => Promise<unknown>) {
  const { proxy } = world.stack
  proxy.hold(true)
  proxy.cut()
  await shows(page, 'status', 'reconnecting')
  await happen()
  proxy.hold(false)
  await page.evaluate(() => window.sync.retryNow())
  await shows(page, 'status', 'connected')
}

const shownToasts = (page: Page) => page.locator('.kull-toast > span').allTextContents()
const toasts = (page: Page) => page.evaluate(() => window.toasts)
const balances = (page: Page) => page.evaluate(() => window.balances)

const bought = (userId: string, sequence: number) => ({
  userId,
  newBalance: 100 + sequence,
  change: 1,
  reason: 'bought',
  sequence,
})

test('a burst of credit updates is one toast, with the newest balance, which is fetched a few times at most', async () => {
  const { user, page } = await openPage()
  const items = Array.from({ length: 50 }, (_, n) => ({ type: 'CREDIT_UPDATE', ...bought(user, n + 1) }))
  await world.stack.post('batch', { items })

  await eventually(() => shownToasts(page), [expect.stringContaining('150')])
  // On a busy machine it is more than one burst.
  expect((await toasts(page)).length).toBeLessThan(10)
  expect(await balances(page)).toBeGreaterThan(0)
  expect(await balances(page)).toBeLessThan(10)
})

test('credits bought while the page was away are fetched, without a toast', async () => {
  const { user, page } = await openPage()
  await world.stack.post('credit-update', bought(user, 1))
  await eventually(() => toasts(page), [expect.stringContaining('101')])
  const before = await balances(page)
  await whileAway(page, () => world.stack.post('credit-update', bought(user, 2)))
  await vi.waitFor(async () => expect(await balances(page)).toBeGreaterThan(before), SECONDS)
  await world.stack.post('credit-update', bought(user, 3))

  await vi.waitFor(async () => expect(await toasts(page)).toHaveLength(2), SECONDS)
  expect(await toasts(page)).toEqual([
    expect.stringContaining('101 credits (+1)'),
    expect.stringContaining('103 credits (+1)'),
  ])
})

test('a device that comes is one toast; those that were there, and this one, are none', async () => {
  const { user, page } = await openPage()
  await world.watch(user)
  await eventually(() => toasts(page), ['\u2068Browser\u2069 is online'])
  await page.reload()
  await shows(page, 'devices', '2')
  await world.stack.post('credit-update', bought(user, 1))

  await eventually(() => toasts(page), [expect.stringContaining('101')])
})

test('a shoot that finishes is told once, also when the connection is made anew, and once more for each further run', async () => {
  const { user, page } = await openPage()
  const shoot = (run: number, status: string) =>
    world.stack.post('shoot-progress', {
      userId: user,
      shootId: 'wedding',
      status,
      processedCount: 4,
      totalCount: 9,
      run,
    })
  const state = (expected: string) =>
    eventually(() => page.locator('.kull-shoot').getAttribute('data-state'), expected)
  const finished = () => page.evaluate(() => window.finished)
  await shoot(0, 'processing')
  await state('processing')
  await shoot(0, 'completed')
  await eventually(finished, ['completed 0'])
  await whileAway(page, () => shoot(1, 'processing'))
  await state('processing')
  await shoot(1, 'failed')
  await eventually(finished, ['completed 0', 'failed 1'])
  await whileAway(page, () => shoot(2, 'completed'))
  await eventually(finished, ['completed 0', 'failed 1', 'completed 2 replayed'])
  await page.reload()
  await state('completed')
  await shoot(3, 'completed')

  await eventually(finished, ['completed 3'])
})

test('the indicator pulses while it reconnects, 5 s at most, never for whoever wants no motion; on a narrow screen its word is its name alone', async () => {
  const { page } = await openPage()
  const css = readFileSync(`${import.meta.dirname}/../dist/components.css`, 'utf8')
  // The page's policy lets no style in by any other way.
  await page.evaluate((text) => {
    const sheet = new CSSStyleSheet()
    sheet.replaceSync(text)
    document.adoptedStyleSheets = [sheet]
  }, css)
  const motion = () =>
    page.locator('.kull-indicator-shape').evaluate((shape) => {
      const { animationName, animationDuration, animationIterationCount } = getComputedStyle(shape)
      return animationName === 'none'
        ? ''
        : `${animationName} ${animationDuration} × ${animationIterationCount}`
    })
  const wordWidth = async () => (await page.locator('.kull-indicator-label').boundingBox())?.width
  expect(await motion()).toBe('')
  world.stack.proxy.hold(true)
  world.stack.proxy.cut()
  const button = page.getByRole('button', { name: 'Reconnecting…', exact: true })
  await button.waitFor()

  expect(await motion()).toBe('kull-pulse 1s × 5')
  await page.emulateMedia({ reducedMotion: 'reduce' })
  expect(await motion()).toBe('')
  expect(await wordWidth()).toBeGreaterThan(30)
  await page.setViewportSize({ width: 390, height: 800 })
  expect(await wordWidth()).toBe(1)
  expect(await button.isVisible()).toBe(true)
})
