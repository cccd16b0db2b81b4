import type { Locator, Page } from 'playwright-core'

const CONTROLS = 'a[href], button, input, select, textarea, summary, [tabindex]'

/** What the Tab key does not reach of the controls that can be seen and used: their HTML, without what is in them. */
export async function beyondTab(page: Page): Promise<string[]> {
  const left = await page.evaluateHandle((controls) => {
    const usable = (element: HTMLElement) =>
      element.tabIndex >= 0 &&
      !element.matches(':disabled, [inert] *') &&
      element.checkVisibility({ visibilityProperty: true })
    return new Set([...document.querySelectorAll<HTMLElement>(controls)].filter(usable))
  }, CONTROLS)
  // Once round, wherever the focus is now, and past the page's end.
  const presses = 2 + (await left.evaluate((elements) => elements.size))
  for (let n = 0; n < presses; n++) {
    await page.keyboard.press('Tab')
    await left.evaluate((elements) => {
      const reached = document.activeElement
      if (!(reached instanceof HTMLElement)) return
      elements.delete(reached)
      // The arrow keys reach the rest of a group.
      if (reached instanceof HTMLInputElement && reached.type === 'radio')
        for (const other of document.getElementsByName(reached.name)) elements.delete(other)
    })
  }
  return left.evaluate((elements) =>
    [...elements].map((element) => (element.cloneNode(false) as HTMLElement).outerHTML),
  )
}

/** The text of what has the focus. */
export function focused(page: Page): Promise<string | undefined> {
  return page.evaluate(() => document.activeElement?.textContent.trim())
}

/** Presses a key until a control has the focus, as often as `presses`. Rejects where the focus cannot be seen on the way. */
export async function tabTo(page: Page, target: Locator, presses = 40, key = 'Tab'): Promise<void> {
  for (let n = 0; n < presses; n++) {
    await page.keyboard.press(key)
    const unseen = await page.evaluate(unseenFocus)
    if (unseen !== null) throw new Error(`The focus does not show: ${unseen}`)
    if (await target.evaluate((element) => element === document.activeElement)) return
  }
  throw new Error(`${key} does not lead to ${target}`)
}

/** What has the focus, where nothing shows it. */
function unseenFocus(): string | null {
  const { activeElement, body } = document
  // Beyond the page's end, the focus is the browser's own.
  if (activeElement === null || activeElement === body) return null
  // A hidden radio button shows it on what follows, a link that covers its card on what it covers it with.
  const places = [
    getComputedStyle(activeElement),
    getComputedStyle(activeElement, '::after'),
    ...(activeElement.nextElementSibling ? [getComputedStyle(activeElement.nextElementSibling)] : []),
  ]
  const shows = places.some(
    ({ outlineStyle, outlineWidth }) => outlineStyle !== 'none' && Number.parseFloat(outlineWidth) >= 2,
  )
  return shows ? null : (activeElement.cloneNode(false) as Element).outerHTML
}
