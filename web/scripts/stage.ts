import { createSyncClient, httpSession, type Platform, type SyncClient } from '@kull/sync'
import type { Browser, Page, WebSocketRoute } from 'playwright-core'

const TIMEOUT = 20_000

export interface Look {
  readonly width: number
  readonly height: number
  readonly theme: 'light' | 'dark'
}

/** A browser of its own with the demo, begun anew, and what a scene needs to bring it into a state. */
export class Stage {
  readonly page: Page
  readonly #url: string
  readonly #sockets: Set<WebSocketRoute>
  readonly #devices: SyncClient[] = []
  #linkUp = true

  private constructor(page: Page, url: string) {
    this.page = page
    this.#url = url
    this.#sockets = new Set()
  }

  static async open(browser: Browser, url: string, { width, height, theme }: Look): Promise<Stage> {
    const context = await browser.newContext({
      baseURL: url,
      viewport: { width, height },
      colorScheme: theme,
      reducedMotion: 'reduce',
    })
    context.setDefaultTimeout(TIMEOUT)
    const stage = new Stage(await context.newPage(), url)
    await stage.page.routeWebSocket('**/mqtt', (socket) => {
      // One that leads nowhere stays silent, as a network does that drops packets.
      if (!stage.#linkUp) return
      socket.connectToServer()
      stage.#sockets.add(socket)
    })
    await stage.#beginAnew()
    return stage
  }

  async close(): Promise<void> {
    await this.page.context().close()
    await Promise.all(this.#devices.map((device) => device.signOut()))
  }

  /** Signs ada in, and waits until the app is connected. */
  async signIn(path = '/shoots'): Promise<void> {
    await this.enter(path)
    await this.connection('connected')
  }

  /** Signs ada in, and waits for nothing. */
  async enter(path = '/shoots'): Promise<void> {
    await this.page.goto(path)
    await this.page.getByRole('button', { name: 'Ada' }).click()
    // Else what appears under the pointer looks hovered.
    await this.page.mouse.move(0, 0)
  }

  async connection(state: 'connecting' | 'connected' | 'reconnecting'): Promise<void> {
    await this.page.locator(`.kull-indicator[data-state="${state}"]`).waitFor()
  }

  /** From now on packets get lost. */
  loseLink(): void {
    this.#linkUp = false
    for (const socket of this.#sockets) socket.close({ code: 1011 })
    this.#sockets.clear()
  }

  /** Answers of the backend, made up, or none. */
  async answers(path: string, answer: object | 'lost' | 'late'): Promise<void> {
    await this.page.route(`**${path}`, (route) => {
      if (answer === 'late') return
      return answer === 'lost' ? route.abort() : route.fulfill({ json: answer })
    })
  }

  /** Calls the backend as ada. */
  async api(method: string, path: string, body?: object): Promise<unknown> {
    return this.#call(method, path, await this.#token({ userId: 'ada' }), body)
  }

  /** Another device of ada, on line until it is told otherwise. */
  async device(id: string, name: string, platform: Platform): Promise<SyncClient> {
    const token = await this.#token({ userId: 'ada' })
    const device = createSyncClient({
      getSession: httpSession({ url: this.#url, user: () => ({ userId: 'ada', token }) }),
      device: { id, name, platform },
    })
    this.#devices.push(device)
    device.connect()
    await new Promise<void>((resolve) => {
      const look = () => device.getSnapshot().status === 'connected' && resolve()
      device.subscribe(look)
      look()
    })
    return device
  }

  /** The demo's data as at its start, and none of the devices that other pictures left behind. */
  async #beginAnew(): Promise<void> {
    await this.api('POST', '/demo/api/reset')
    const token = await this.#token({ service: 'screenshots', scopes: ['sync:erase'] })
    await this.#call('DELETE', '/api/sync/users/ada', token)
  }

  async #token(subject: object): Promise<string> {
    const { token } = (await this.#call('POST', '/demo/api/tokens', null, subject)) as { token: string }
    return token
  }

  async #call(method: string, path: string, token: string | null, body?: object): Promise<unknown> {
    const response = await fetch(this.#url + path, {
      method,
      headers: {
        ...(token !== null && { Authorization: `Bearer ${token}` }),
        ...(body && { 'Content-Type': 'application/json' }),
      },
      ...(body && { body: JSON.stringify(body) }),
    })
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}`)
    return response.status === 204 ? null : response.json()
  }
}
