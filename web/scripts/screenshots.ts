// Makes a picture of each page and state of the demo, on a small and a large screen, light and dark.
import { spawn } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { type Browser, chromium } from 'playwright-core'
import { SCENES } from './scenes.ts'
import { Stage } from './stage.ts'

const ROOT = new URL('../..', import.meta.url).pathname
const TARGET = `${ROOT}web/screenshots`
const SIZES = { 390: 844, 1280: 860 }
const THEMES = ['light', 'dark'] as const

/** Free at this moment. */
async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('There is no port to be had')
  return address.port
}

/** Starts broker, functions and demo. Returns where they are, and what ends them. */
async function startBackend() {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  let log = ''
  const child = spawn(`${ROOT}.venv/bin/kull-sync`, ['dev', '--http-port', `${port}`], { cwd: ROOT })
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data) => {
      log += data
    })
  const ended = new Promise((resolve) => child.once('close', resolve))
  const deadline = Date.now() + 60_000
  while (!(await fetch(`${url}/demo/api/users`).catch(() => null))?.ok) {
    if (child.exitCode !== null || Date.now() > deadline) {
      child.kill()
      // What it says once it is ready contains tokens; what it says before does not.
      throw new Error(`kull-sync dev did not start:\n${log.split('\n').slice(-30).join('\n')}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  return {
    url,
    stop() {
      child.kill('SIGTERM')
      return ended
    },
  }
}

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
const backend = running ? { url: running, stop: async () => undefined } : await startBackend()
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
