import { createSyncClient, httpSession, type Platform, type SyncClient } from '@kull/sync'
import type { Browser, Page, WebSocketRoute } from 'playwright-core'
import { DemoApi } from './demoApi.ts'

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
  readonly #api: DemoApi
  readonly #sockets: Set<WebSocketRoute>
  readonly #devices: SyncClient[] = []
  #linkUp = true

  private constructor(page: Page, url: string) {
    this.page = page
    this.#url = url
    this.#api = new DemoApi(url)
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
    await stage.#api.beginAnew()
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
  api(method: string, path: string, body?: object): Promise<unknown> {
    return this.#api.as('ada', method, path, body)
  }

  /** Tells how a shoot of ada's stands, as a worker does. */
  progress(shootId: string, state: object): Promise<void> {
    return this.#api.progress('ada', shootId, state)
  }

  /** Another device of ada, on line until it is told otherwise. */
  async device(name: string, platform: Platform): Promise<SyncClient> {
    const token = await this.#api.token({ userId: 'ada' })
    const device = createSyncClient({
      getSession: httpSession({ url: this.#url, user: () => ({ userId: 'ada', token }) }),
      // A new one each time: one that was erased is not let in again for a while.
      device: { id: `shot-${Date.now()}-${this.#devices.length}`, name, platform },
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
}
