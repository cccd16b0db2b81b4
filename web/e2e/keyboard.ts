import type { Page } from 'playwright-core'

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
