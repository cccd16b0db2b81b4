import type { BrowserContext } from 'playwright-core'

/** What Chromium says of each response that is an error; which one it was is told apart. */
const FAILED = /^Failed to load resource/

/**
 * What went wrong in the pages of a browser, from now on, each thing once: `status path` of refused requests, `lost path`
 * of those without an answer, and all errors that were logged or thrown, violations of the page's policy among them.
 */
export function complaintsOf(context: BrowserContext): ReadonlySet<string> {
  const complaints = new Set<string>()
  const path = (url: string) => new URL(url).pathname
  context.on('response', (response) => {
    if (response.status() >= 400) complaints.add(`${response.status()} ${path(response.url())}`)
  })
  context.on('requestfailed', (request) => {
    // The page called it off itself, or went.
    if (request.failure()?.errorText !== 'net::ERR_ABORTED') complaints.add(`lost ${path(request.url())}`)
  })
  context.on('weberror', (error) => complaints.add(error.error().message))
  context.on('console', (line) => {
    if (line.type() === 'error' && !FAILED.test(line.text())) complaints.add(line.text())
  })
  return complaints
}
