import { readFileSync } from 'node:fs'
import type axe from 'axe-core'
import type { Page } from 'playwright-core'

declare global {
  interface Window {
    axe: typeof axe
  }
}

const SOURCE = readFileSync(new URL(import.meta.resolve('axe-core')), 'utf8')

/** How a page is looked at. */
export interface Look {
  readonly name: string
  readonly colorScheme: 'light' | 'dark'
  readonly forcedColors?: 'active'
  /** CSS pixels. */
  readonly width: number
  /** Device pixels to a CSS pixel. A page that a browser zooms to 200 % sees half the width at twice the density. */
  readonly density?: number
  /** Beside its colours it is like another look: nothing else has to be examined again. */
  readonly coloursOnly?: true
}

const HEIGHT = 800

export const LOOKS: readonly Look[] = [
  { name: '1920 px', colorScheme: 'light', width: 1920 },
  { name: 'dark', colorScheme: 'dark', width: 1280, coloursOnly: true },
  { name: 'forced colours', colorScheme: 'dark', forcedColors: 'active', width: 1280, coloursOnly: true },
  { name: '320 px', colorScheme: 'light', width: 320 },
  { name: '200 % zoom', colorScheme: 'light', width: 640, density: 2 },
]

/** Shows the page as `look` says, from then on. */
export async function lookAt(
  page: Page,
  { colorScheme, forcedColors, width, density = 1 }: Look,
): Promise<void> {
  await page.emulateMedia({ colorScheme, forcedColors: forcedColors ?? 'none' })
  const debug = await page.context().newCDPSession(page)
  await debug.send('Emulation.setDeviceMetricsOverride', {
    width,
    height: HEIGHT,
    deviceScaleFactor: density,
    mobile: false,
  })
}

/**
 * What axe finds wrong with the page as it is now: `rule: where`, of WCAG 2.2 A and AA and of axe's best practices.
 * Works under any Content-Security-Policy: a debugger's expressions are not the page's.
 */
export async function findings(page: Page, { coloursOnly }: Partial<Look> = {}): Promise<string[]> {
  // It stays until the page goes.
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(SOURCE)
  const { violations } = await page.evaluate(
    (tags) =>
      window.axe.run(document, {
        resultTypes: ['violations'],
        preload: false,
        ...(tags && { runOnly: tags }),
      }),
    coloursOnly ? ['cat.color'] : null,
  )
  return violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target.join(' ')}`))
}

/** Whether the page has to be scrolled sideways to be read (WCAG 2.2, 1.4.10). */
export function overflows(page: Page): Promise<boolean> {
  return page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth)
}
