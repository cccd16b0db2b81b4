import { createSyncClient, httpSession, type SyncClient } from '@kull/sync'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { expect, vi } from 'vitest'
import { AppServer } from './appServer.ts'
import { type BrokerForm, Stack } from './stack.ts'

export const SECONDS = { timeout: 15_000, interval: 20 }

export const CHROMIUM = {
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
}

/** First bytes of packets that a device sends (MQTT 5, 2.1). */
const CONNECT = 0x10
const PINGREQ = 0xc0
const TOKEN = /eyJ[\w-]+\.[\w-]+\.[\w-]+/

export interface Tab {
  readonly page: Page
  /** What was sent on each of its sockets. */
  readonly sockets: readonly number[][][]
  /** Errors that the page logged or threw. */
  readonly complaints: readonly string[]
}

/** Chromium with the test app, the real broker behind it, and a policy that allows as little as it can. */
export class World {
  readonly #browser: Browser
  readonly #watchers: SyncClient[] = []

  private constructor(
    readonly stack: Stack,
    readonly app: AppServer,
    chromium: Browser,
  ) {
    this.#browser = chromium
  }

  /** Rejects as `Stack.start` does. */
  static async start(broker?: BrokerForm): Promise<World> {
    const stack = await Stack.start(broker)
    const csp = `default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self' ws://127.0.0.1:${stack.proxy.port}`
    const app = await AppServer.start(stack.url, csp)
    const browser = await chromium.launch(CHROMIUM)
    return new World(stack, app, browser)
  }

  async stop(): Promise<void> {
    await this.#browser.close()
    this.app.stop()
    await this.stack.stop()
  }

  /** After each test: its tabs and watchers go. */
  async clear(): Promise<void> {
    await Promise.all(this.#browser.contexts().map((context) => context.close()))
    await Promise.all(this.#watchers.splice(0).map((client) => client.disconnect()))
  }

  newBrowser(): Promise<BrowserContext> {
    return this.#browser.newContext()
  }

  /** A tab with the app, of a browser of its own or of the given one. `options` become part of its URL. */
  async open(user: string, options: Record<string, string> = {}, context?: BrowserContext): Promise<Tab> {
    const page = await (context ?? (await this.newBrowser())).newPage()
    const sockets: number[][][] = []
    const complaints: string[] = []
    page.on('websocket', (socket) => {
      const sent: number[][] = []
      sockets.push(sent)
      socket.on('framesent', ({ payload }) => sent.push([...Buffer.from(payload as Buffer)]))
    })
    page.on('pageerror', (error) => complaints.push(error.message))
    page.on('console', (line) => {
      if (line.type() === 'error' && !line.location().url.endsWith('/favicon.ico'))
        complaints.push(line.text())
    })
    const query = new URLSearchParams({ user, token: this.stack.token(user), ...options })
    await page.goto(`${this.app.url}/?${query}`)
    return { page, sockets, complaints }
  }

  /** Another device of the user, and what it is told of the others. */
  async watch(user: string): Promise<string[]> {
    const { url } = this.stack
    const client = createSyncClient({
      getSession: httpSession({ url, user: () => ({ userId: user, token: this.stack.token(user) }) }),
      device: { id: 'watcher' },
    })
    this.#watchers.push(client)
    const seen: string[] = []
    const see = (id: string, what: string) => id !== 'watcher' && seen.push(`${id} ${what}`)
    client.on('DEVICE_CONNECTED', ({ data }) => see(data.deviceId, 'connected'))
    client.on('DEVICE_DISCONNECTED', ({ data }) => see(data.deviceId, data.reason))
    client.on('DEVICE_REMOVED', ({ deviceId }) => see(deviceId, 'removed'))
    client.connect()
    await vi.waitFor(() => expect(client.getSnapshot().status).toBe('connected'), SECONDS)
    return seen
  }
}

/** The tokens that a tab has connected with, one for each CONNECT. */
export function tokens({ sockets }: Tab): readonly (string | undefined)[] {
  const connects = sockets.flat().filter(([first]) => first === CONNECT)
  return connects.map((packet) => TOKEN.exec(Buffer.from(packet).toString('latin1'))?.[0])
}

/** How often a tab has pinged the broker. */
export function pings({ sockets }: Tab): number {
  return sockets.flat().filter(([first]) => first === PINGREQ).length
}

/** Waits until this reads so. */
export function eventually<T>(read: () => T | Promise<T>, expected: unknown): Promise<void> {
  return vi.waitFor(async () => expect(await read()).toEqual(expected), SECONDS)
}

/** Waits until a part of the test app reads so. */
export function shows(page: Page, part: string, text: string): Promise<void> {
  return vi.waitFor(async () => expect(await page.getByTestId(part).textContent()).toBe(text), SECONDS)
}

let users = 0
/** A user of this test alone. */
export const newUser = () => `browser-${++users}`
