/** The built library in a React app in Chromium, against the real broker, functions and bridge. */
import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { eventually, newUser, pings, SECONDS, shows, tokens, World } from './browser.ts'

let world: World

beforeAll(async () => {
  world = await World.start()
})
afterAll(() => world?.stop())
afterEach(() => world.clear())

test('in StrictMode the app makes one socket and one CONNECT, under a strict CSP without a complaint', async () => {
  const user = newUser()
  const tab = await world.open(user)
  const { page, sockets, complaints } = tab
  await shows(page, 'status', 'connected')
  const progress = { shootId: 'wedding', status: 'processing', processedCount: 5, totalCount: 9 }
  await world.stack.post('shoot-progress', { userId: user, ...progress })
  await world.stack.post('prompt-change', { userId: user, action: 'created', title: 'once' })

  await shows(page, 'progress', '5')
  await shows(page, 'titles', 'once')
  await shows(page, 'devices', '1')
  expect(sockets).toHaveLength(1)
  expect(tokens(tab)).toEqual([expect.any(String)])
  expect(complaints).toEqual([])
  expect(await page.evaluate(() => window.violations)).toEqual([])
  // It would have been told of one.
  await page.evaluate(() => void new Worker(URL.createObjectURL(new Blob(['']))))
  await eventually(() => page.evaluate(() => window.violations), ['worker-src blob'])
})

test('its clock is a worker of the same origin, and keeps the connection alive', async () => {
  const tab = await world.open(newUser(), { keepalive: '1' })
  await shows(tab.page, 'status', 'connected')

  expect(tab.page.workers().map((worker) => new URL(worker.url()).origin)).toEqual([world.app.url])
  await vi.waitFor(() => expect(pings(tab)).toBeGreaterThan(0), SECONDS)
  expect(tab.sockets).toHaveLength(1)
})

/** Keeps the last that a page sends, which is not told to the tests when the page goes. */
function keepLastWords(page: Page): Promise<void> {
  return page.evaluate(() => {
    const { send } = WebSocket.prototype
    WebSocket.prototype.send = function (data) {
      localStorage.setItem('last words', JSON.stringify([...(data as Uint8Array)]))
      send.call(this, data)
    }
  })
}

const lastWords = (page: Page): Promise<number[]> =>
  page.evaluate(() => JSON.parse(localStorage.getItem('last words') ?? '[]'))

test('a guest whose page is closed takes its presence with it', async () => {
  const user = newUser()
  const seen = await world.watch(user)
  const browser = await world.newBrowser()
  const { page } = await world.open(user, { alone: 'yes' }, browser)
  await shows(page, 'devices', '2')
  const id = await page.evaluate(() => window.sync.identity?.deviceId)
  await keepLastWords(page)
  await page.close({ runBeforeUnload: true })

  await vi.waitFor(() => expect(seen).toEqual([`${id} connected`, `${id} removed`]), SECONDS)
  const { page: next } = await world.open(newUser(), {}, browser)
  // A retained PUBLISH, and DISCONNECT with a session that ends.
  expect((await lastWords(next)).at(0)).toBe(0x31)
  expect((await lastWords(next)).slice(-9)).toEqual([0xe0, 7, 0, 5, 0x11, 0, 0, 0, 0])
})

test('a reload is no goodbye: nobody sees the device leave', async () => {
  const user = newUser()
  const seen = await world.watch(user)
  const { page } = await world.open(user)
  await shows(page, 'devices', '2')
  const id = await page.evaluate(() => window.sync.identity?.deviceId)
  await keepLastWords(page)
  await page.reload()
  await shows(page, 'status', 'connected')
  await world.stack.post('prompt-change', { userId: user, action: 'created', title: 'after' })
  await shows(page, 'titles', 'after')

  expect(await lastWords(page)).toEqual([0xe0, 1, 4])
  expect(await page.evaluate(() => window.sync.identity?.deviceId)).toBe(id)
  expect(seen).toEqual([`${id} connected`])
})

test('a link that breaks is shown and repaired', async () => {
  const { page } = await world.open(newUser())
  await shows(page, 'status', 'connected')
  world.stack.proxy.hold(true)
  world.stack.proxy.cut()
  await shows(page, 'status', 'reconnecting')
  world.stack.proxy.hold(false)
  await page.evaluate(() => window.sync.retryNow())
  await shows(page, 'status', 'connected')
})
