/** Every page and state of the demo, as `kull-sync dev` serves it, for people who see, point or read otherwise. */
import { type Browser, chromium } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { SCENES } from '../scripts/scenes.ts'
import { Stage } from '../scripts/stage.ts'
import { findings, LOOKS, lookAt, overflows } from './axe.ts'
import { CHROMIUM } from './browser.ts'
import { complaintsOf } from './complaints.ts'
import { DemoStack } from './demoStack.ts'

let demo: DemoStack
let browser: Browser

beforeAll(async () => {
  ;[demo, browser] = await Promise.all([DemoStack.start(), chromium.launch(CHROMIUM)])
})
afterAll(async () => {
  await browser?.close()
  await demo?.stop()
})

/** What stays for as long as it has the focus, and goes when the window changes its size under the pointer. */
const FOCUSED: Record<string, string> = {
  'indicator-open': '.kull-details button',
  reconnecting: '.kull-details button',
  toasts: '.kull-toast button',
}

/** What some states are made by. */
const REFUSALS: Record<string, readonly string[]> = {
  'sign-in-failed': ['lost /demo/api/users'],
  'session-expired': ['401 /api/sync/session', '401 /demo/api/balance', '401 /demo/api/shoots'],
  'shoots-failed': ['lost /demo/api/shoots'],
  'cull-refused': ['402 /demo/api/shoots/archive-1/cull'],
  'report-missing': ['409 /demo/api/shoots/portraits-4/report'],
}

test.each(Object.keys(SCENES))('%s is readable in every look, and nothing complains', async (name) => {
  const stage = await Stage.open(browser, demo.url, { width: 1280, height: 800, theme: 'light' })
  try {
    const complaints = complaintsOf(stage.page.context())
    await SCENES[name]?.(stage)
    const focused = FOCUSED[name] && stage.page.locator(FOCUSED[name]).first()
    if (focused) await focused.focus()
    const found: string[] = []
    for (const look of LOOKS) {
      await lookAt(stage.page, look)
      found.push(...(await findings(stage.page, look)).map((finding) => `${look.name}: ${finding}`))
      if (await overflows(stage.page)) found.push(`${look.name}: has to be scrolled sideways`)
    }

    if (focused) expect(await focused.isVisible()).toBe(true)
    const refused = REFUSALS[name] ?? []
    found.push(...[...complaints].filter((complaint) => !refused.includes(complaint)))
    expect(found).toEqual([])
  } finally {
    await stage.close()
  }
})
