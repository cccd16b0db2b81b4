import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { createInterface } from 'node:readline'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { CHROMIUM } from './browser.ts'

/** Seconds that a page is hidden until Chromium wakes its timers once a minute alone; 5 minutes by default. */
const THROTTLED_AFTER = 1

/**
 * A Chromium as its user has it: a tab behind another is hidden, and slowed down for it. Playwright makes the ones
 * that it starts believe that each tab is in front.
 */
export class OwnBrowser {
  readonly #process: ChildProcess
  readonly #directory: string
  readonly #playwright: Browser

  private constructor(process: ChildProcess, directory: string, playwright: Browser) {
    this.#process = process
    this.#directory = directory
    this.#playwright = playwright
  }

  static async start(): Promise<OwnBrowser> {
    const directory = await mkdtemp(`${tmpdir()}/kull-sync-chromium-`)
    const child = spawn(
      CHROMIUM.executablePath,
      [
        ...CHROMIUM.args,
        '--headless',
        '--no-first-run',
        '--remote-debugging-port=0',
        `--user-data-dir=${directory}`,
        `--enable-features=IntensiveWakeUpThrottling:grace_period_seconds/${THROTTLED_AFTER}`,
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    )
    const log: string[] = []
    const lines = createInterface({ input: child.stderr })
    const url = await new Promise<string>((resolve, reject) => {
      lines.on('line', (line) => {
        log.push(line)
        const found = /^DevTools listening on (ws:.+)$/.exec(line)?.[1]
        if (found) resolve(found)
      })
      lines.on('close', () => reject(new Error(`Chromium did not start:\n${log.join('\n')}`)))
    })
    return new OwnBrowser(child, directory, await chromium.connectOverCDP(url, { noDefaults: true }))
  }

  get context(): BrowserContext {
    const [context] = this.#playwright.contexts()
    if (context === undefined) throw new Error('Chromium has no profile')
    return context
  }

  /** Puts another tab before this one, until it is brought to the front. */
  async hide(page: Page): Promise<void> {
    const other = await this.context.newPage()
    await other.bringToFront()
    await page.waitForFunction(() => document.visibilityState === 'hidden')
  }

  async stop(): Promise<void> {
    await this.#playwright.close()
    const ended = new Promise((resolve) => this.#process.once('close', resolve))
    this.#process.kill()
    await ended
    await rm(this.#directory, { recursive: true, force: true })
  }
}
