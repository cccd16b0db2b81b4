// Makes a picture of each page and state of the demo, on a small and a large screen, light and dark.
import { mkdirSync, rmSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'
import { DemoStack } from '../e2e/demoStack.ts'
import { SCENES } from './scenes.ts'
import { Stage } from './stage.ts'

const ROOT = new URL('../..', import.meta.url).pathname
const TARGET = `${ROOT}web/screenshots`
const SIZES = { 390: 844, 1280: 860 }
const THEMES = ['light', 'dark'] as const

async function takeAll(browser: Browser, url: string, wanted: readonly string[]): Promise<void> {
  for (const [name, play] of Object.entries(SCENES)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue
    for (const [width, height] of Object.entries(SIZES)) {
      for (const theme of THEMES) {
        const stage = await Stage.open(browser, url, { width: Number(width), height, theme })
        try {
          await play(stage)
          // Toasts stick to the window; on a page that is longer they would stand in its middle.
          const fullPage = (await stage.page.locator('.kull-toast').count()) === 0
          await stage.page.screenshot({ path: `${TARGET}/${name}-${width}-${theme}.png`, fullPage })
        } finally {
          await stage.close()
        }
      }
    }
    console.log(name)
  }
}

const wanted = process.argv.slice(2)
if (wanted.length === 0) rmSync(TARGET, { recursive: true, force: true })
mkdirSync(TARGET, { recursive: true })
// One that runs already may be named, to look at a change again and again.
const running = process.env.KULL_SYNC_URL
const backend = running ? { url: running, stop: async () => undefined } : await DemoStack.start()
try {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
  })
  await takeAll(browser, backend.url, wanted)
  await browser.close()
} finally {
  await backend.stop()
}
