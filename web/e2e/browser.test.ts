/** The built library in a React app in Chromium, against the real broker, functions and bridge. */
import { createSyncClient, httpSession, type SyncClient } from '@kull/sync'
import { type Browser, chromium, type Page, type WebSocket } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { AppServer } from './appServer.ts'
import { Stack } from './stack.ts'

let stack: Stack
let app: AppServer
let browser: Browser
const SECONDS = { timeout: 15_000, interval: 50 }
const CONNECT = 0x10
const PINGREQ = 0xc0

beforeAll(async () => {
  stack = await Stack.start()
  const csp = `default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self' ws://127.0.0.1:${stack.proxy.port}`
  app = await AppServer.start(stack.url, csp)
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
  })
})
afterAll(async () => {
  await browser?.close()
  app?.stop()
  await stack?.stop()
})
afterEach(async () => {
  await Promise.all(browser.contexts().map((context) => context.close()))
})

let users = 0
const newUser = () => `browser-${++users}`

interface Tab {
  readonly page: Page
  readonly sockets: readonly { readonly socket: WebSocket; readonly sent: number[][] }[]
  readonly complaints: readonly string[]
}

/** A tab with the app, and what it sent. */
async function open(user: string, device?: string): Promise<Tab> {
  const page = await (await browser.newContext()).newPage()
  const sockets: { socket: WebSocket; sent: number[][] }[] = []
  const complaints: string[] = []
  page.on('websocket', (socket) => {
    const sent: number[][] = []
    sockets.push({ socket, sent })
    socket.on('framesent', ({ payload }) => sent.push([...Buffer.from(payload as Buffer)]))
  })
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on(
    'console',
    (line) => line.type() === 'error' && !line.text().includes('favicon') && complaints.push(line.text()),
  )
  const query = new URLSearchParams({ user, token: stack.token(user), ...(device && { device }) })
  await page.goto(`${app.url}/?${query}`)
  return { page, sockets, complaints }
}

const shows = (page: Page, id: string, text: string) =>
  vi.waitFor(async () => expect(await page.getByTestId(id).textContent()).toBe(text), SECONDS)

/** Another device of the user, which tells who comes and goes. */
async function watch(user: string): Promise<{ client: SyncClient; seen: string[] }> {
  const client = createSyncClient({
    getSession: httpSession({ url: stack.url, user: () => ({ userId: user, token: stack.token(user) }) }),
    device: { id: 'watcher' },
  })
  const seen: string[] = []
  client.on('DEVICE_CONNECTED', ({ data }) => seen.push(`${data.deviceId} connected`))
  client.on('DEVICE_DISCONNECTED', ({ data }) => seen.push(`${data.deviceId} ${data.reason}`))
  client.on('DEVICE_REMOVED', ({ deviceId }) => seen.push(`${deviceId} removed`))
  client.connect()
  await vi.waitFor(() => expect(client.getSnapshot().status).toBe('connected'), SECONDS)
  return { client, seen }
}

test('in StrictMode the app makes one socket and one CONNECT, under a strict CSP without a complaint', async () => {
  const user = newUser()
  const { page, sockets, complaints } = await open(user)
  await shows(page, 'status', 'connected')
  await stack.post('shoot-progress', {
    userId: user,
    shootId: 'wedding',
    status: 'processing',
    processedCount: 5,
    totalCount: 9,
  })
  await stack.post('prompt-change', { userId: user, action: 'created', title: 'once' })

  await shows(page, 'progress', '5')
  await shows(page, 'titles', 'once')
  await shows(page, 'devices', '1')
  expect(sockets).toHaveLength(1)
  expect(sockets[0]?.sent.filter(([first]) => first === CONNECT)).toHaveLength(1)
  expect(complaints).toEqual([])
})

test('its clock is a worker of the same origin, and keeps the connection alive', async () => {
  const { page, sockets } = await open(newUser())
  await shows(page, 'status', 'connected')

  expect(page.workers().map((worker) => new URL(worker.url()).origin)).toEqual([app.url])
  await vi.waitFor(
    () => expect(sockets[0]?.sent.filter(([first]) => first === PINGREQ).length).toBeGreaterThan(1),
    SECONDS,
  )
  expect(sockets).toHaveLength(1)
})

test('a guest whose page is closed is gone for everybody at once', async () => {
  const user = newUser()
  const { client, seen } = await watch(user)
  const { page } = await open(user)
  await shows(page, 'devices', '2')
  const id = await page.evaluate(() => window.sync.identity?.deviceId)
  const closedAt = Date.now()
  await page.close({ runBeforeUnload: true })

  await vi.waitFor(() => expect(seen).toContain(`${id} removed`), SECONDS)
  // Sooner than its will would have spoken.
  expect(Date.now() - closedAt).toBeLessThan(4500)
  await client.disconnect()
})

test('a reload is no goodbye: nobody sees a device with a name of its own leave', async () => {
  const user = newUser()
  const { client, seen } = await watch(user)
  const { page } = await open(user, 'kiosk')
  await shows(page, 'status', 'connected')
  // What a page sends while it goes is not told to the tests.
  await page.evaluate(() => {
    const { send } = WebSocket.prototype
    WebSocket.prototype.send = function (data) {
      sessionStorage.setItem('last', JSON.stringify([...(data as Uint8Array)]))
      send.call(this, data)
    }
  })
  await page.reload()
  await shows(page, 'status', 'connected')
  await stack.post('prompt-change', { userId: user, action: 'created', title: 'after' })
  await shows(page, 'titles', 'after')

  expect(await page.evaluate(() => sessionStorage.getItem('last'))).toBe('[224,1,4]')
  expect(seen.filter((line) => line.startsWith('kiosk'))).toEqual(['kiosk connected'])
  await client.disconnect()
})

test('a link that breaks is shown and repaired', async () => {
  const { page } = await open(newUser(), 'web')
  await shows(page, 'status', 'connected')
  stack.proxy.hold(true)
  stack.proxy.cut()
  await shows(page, 'status', 'reconnecting')
  stack.proxy.hold(false)
  await page.evaluate(() => window.sync.retryNow())
  await shows(page, 'status', 'connected')
})
