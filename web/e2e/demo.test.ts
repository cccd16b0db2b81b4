/** The demo in Chromium, as `kull-sync dev` serves it: what people do with it, on several devices and by keyboard. */
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { DemoApi } from '../scripts/demoApi.ts'
import { CHROMIUM, eventually, SECONDS } from './browser.ts'
import { complaintsOf } from './complaints.ts'
import { DemoStack } from './demoStack.ts'
import { beyondTab, focused, tabTo } from './keyboard.ts'

let demo: DemoStack
let browser: Browser
let api: DemoApi

beforeAll(async () => {
  ;[demo, browser] = await Promise.all([DemoStack.start(), chromium.launch(CHROMIUM)])
  api = new DemoApi(demo.url)
})
afterAll(async () => {
  await browser?.close()
  await demo?.stop()
})

const complaints: ReadonlySet<string>[] = []
/** Refusals that a test brings about. */
let expected: readonly string[] = []

beforeEach(() => api.beginAnew())
afterEach(async () => {
  await Promise.all(browser.contexts().map((context) => context.close()))
  const all = complaints.splice(0).flatMap((seen) => [...seen])
  expect(all.filter((complaint) => !expected.includes(complaint))).toEqual([])
  expected = []
})

/** A browser of its own, which is a device of its own. */
async function newDevice(): Promise<BrowserContext> {
  const context = await browser.newContext({ baseURL: demo.url, reducedMotion: 'reduce' })
  context.setDefaultTimeout(SECONDS.timeout)
  complaints.push(complaintsOf(context))
  return context
}

async function signIn(device: BrowserContext, path = '/shoots', name = 'Ada'): Promise<Page> {
  const page = await device.newPage()
  await page.goto(path)
  await page.getByRole('button', { name }).click()
  await connected(page)
  return page
}

const connected = (page: Page) => page.locator('.kull-indicator[data-state="connected"]').waitFor()
const heading = (page: Page, name: string) => page.getByRole('heading', { level: 1, name }).waitFor()
const pathOf = (page: Page) => new URL(page.url()).pathname
const balance = (page: Page) => page.locator('.balance-number').textContent()

/** Where a page has been, from now on. */
function pathsOf(page: Page): readonly string[] {
  const paths: string[] = []
  page.on('framenavigated', (frame) => paths.push(new URL(frame.url()).pathname))
  return paths
}

/** What each toast says, from now on, and says newly. */
async function toastsOf(page: Page): Promise<() => Promise<readonly string[]>> {
  const seen = await page.locator('.kull-toasts').evaluateHandle((region) => {
    const texts: (string | null)[] = []
    const look = (changes: readonly MutationRecord[]) => {
      for (const { type, target, addedNodes } of changes)
        if (type === 'characterData') texts.push(target.textContent)
        else for (const { textContent } of addedNodes) texts.push(textContent)
    }
    new MutationObserver(look).observe(region, { subtree: true, childList: true, characterData: true })
    return texts
  })
  return () => seen.evaluate((texts) => texts.map(String))
}

async function goToShoot(page: Page): Promise<void> {
  await page.getByRole('link', { name: 'Studio portraits' }).click()
  await heading(page, 'Studio portraits')
}

test('a cull is seen on all devices, and leads each of its viewers to the report once', async () => {
  const desk = await signIn(await newDevice())
  const couch = await newDevice()
  const sofa = await signIn(couch)
  const list = await couch.newPage()
  await list.goto('/shoots')
  const paths = pathsOf(desk)
  const sofaPaths = pathsOf(sofa)
  await Promise.all([goToShoot(desk), goToShoot(sofa)])
  await desk.getByText('Simulated worker').click()
  await desk.getByLabel('Takes').selectOption('5 seconds')
  await Promise.all([
    desk.getByRole('button', { name: 'Cull', exact: true }).click(),
    // From before it begins: on a busy machine it may be over soon after.
    sofa.locator('.kull-shoot[data-state="processing"]').waitFor(),
    list.getByText(/Culling [1-9]/).waitFor(),
  ])
  const shoot = '/shoots/portraits-4'
  const report = `${shoot}/report`
  await Promise.all([desk.waitForURL(`**${report}`), sofa.waitForURL(`**${report}`)])
  await Promise.all([desk, sofa].map((page) => page.getByText('First picks').waitFor()))
  await list.locator('li', { hasText: 'Studio portraits' }).getByText('Culled', { exact: true }).waitFor()
  expect(pathOf(list)).toBe('/shoots')
  // Back leads to where one came from, and not on again, nor does the finished shoot.
  await desk.goBack()
  await heading(desk, 'Shoots')
  await goToShoot(desk)
  await desk.locator('.kull-shoot[data-state="completed"]').waitFor()
  await desk.getByRole('link', { name: 'See the report' }).waitFor()
  await desk.reload()
  await connected(desk)
  await desk.locator('.kull-shoot[data-state="completed"]').waitFor()
  const toasts = await toastsOf(desk)
  await api.as('ada', 'POST', '/demo/api/credits', { credits: 1 })
  await eventually(toasts, [expect.stringContaining('+1 credits')])
  expect(paths).toEqual([shoot, report, '/shoots', shoot, shoot])
  expect(sofaPaths).toEqual([shoot, report])
  // A further run is news again. The sofa still shows the report of the last, and may ask for it meanwhile.
  expected = [`409 /demo/api${report}`]
  await api.as('ada', 'POST', `/demo/api${shoot}/cull`, { seconds: 1 })
  await desk.waitForURL(`**${report}`)
  await desk.getByText('First picks').waitFor()
  expect(paths).toEqual([shoot, report, '/shoots', shoot, shoot, report])
})

test('credits bought on one device are the balance of the other, which says so once', async () => {
  const desk = await signIn(await newDevice(), '/credits')
  const sofa = await signIn(await newDevice(), '/shoots')
  const toasts = await toastsOf(sofa)
  await desk.getByRole('button', { name: 'Buy 500' }).click()

  await eventually(() => balance(sofa), '4,700')
  await eventually(() => balance(desk), '4,700')
  await eventually(toasts, ['+500 credits. You have 4,700.'])
  await desk.getByRole('button', { name: 'Buy 2,000' }).click()
  await eventually(toasts, ['+500 credits. You have 4,700.', '+2,000 credits. You have 6,700.'])
  await eventually(() => balance(sofa), '6,700')
})

test('a title that one user edits is read by another, whose marketplace is open', async () => {
  const device = await newDevice()
  // What everybody is told at once, each fetches after up to ten seconds.
  await device.addInitScript(() => {
    Math.random = () => 0
  })
  const bob = await signIn(device, '/marketplace', 'Bob')
  const ada = await signIn(await newDevice(), '/marketplace')
  await bob.getByRole('heading', { name: 'Soft light' }).waitFor()
  const toasts = await toastsOf(bob)
  await ada.getByRole('button', { name: 'of Soft light' }).click()
  await ada.getByRole('textbox', { name: 'Title' }).fill('Softest light')
  await ada.getByRole('button', { name: 'Save' }).click()

  await ada.getByRole('heading', { name: 'Softest light' }).waitFor()
  await bob.getByRole('heading', { name: 'Softest light' }).waitFor()
  expect(await toasts()).toEqual([])
})

test('a device that is signed out from another says so, in all its tabs, and keeps nothing of the user', async () => {
  const desk = await signIn(await newDevice(), '/devices')
  const couch = await newDevice()
  const sofa = await signIn(couch)
  const second = await couch.newPage()
  await second.goto('/marketplace')
  await connected(second)
  const row = desk.locator('.kull-device:not([data-self])')
  await row.getByRole('button', { name: /^Sign out/ }).click()
  await row.getByRole('button', { name: 'Sign out', exact: true }).click()

  await Promise.all([sofa, second].map((page) => heading(page, 'This device was signed out')))
  await row.getByText('Signed out', { exact: true }).waitFor()
  expect(await sofa.evaluate(() => localStorage.getItem('kull-demo:user'))).toBeNull()
  await sofa.reload()
  await heading(sofa, 'Sign in')
  expect(pathOf(desk)).toBe('/devices')
  await connected(desk)
})

test('when the user changes, nothing of the first is left in any tab', async () => {
  expected = ['404 /demo/api/shoots/wedding-17']
  const device = await newDevice()
  const page = await signIn(device, '/shoots/wedding-17')
  await heading(page, 'Wedding in Lisbon')
  const other = await device.newPage()
  await other.goto('/devices')
  await other.getByText('This device').waitFor()
  await page.getByRole('button', { name: 'Account of' }).click()
  await page.getByRole('button', { name: 'Sign out' }).click()
  await Promise.all([heading(page, 'Sign in'), heading(other, 'This device was signed out')])
  const stored = () => page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }))
  await eventually(async () => (await stored()).includes('ada'), false)
  await page.getByRole('button', { name: 'Bob' }).click()
  await connected(page)

  await page.getByText('Bakery, menu pictures').waitFor()
  await connected(other)
  await other.getByText('Bakery, menu pictures').waitFor()
  await eventually(() => balance(other), '900')
  for (const tab of [page, other]) expect(await tab.content()).not.toMatch(/Ada|Lisbon|4,200/)
  expect(await stored()).not.toContain('ada')
  await other.goto('/devices')
  await other.getByText('This device').waitFor()
  expect(await other.locator('.kull-device').count()).toBe(1)
  await other.goto('/shoots/wedding-17')
  await heading(other, 'Page not found')
})

test('where the browser may store nothing, all works as long as the page lives', async () => {
  const device = await newDevice()
  await device.addInitScript(() => {
    const denied = () => {
      throw new DOMException('Access is denied for this document.', 'SecurityError')
    }
    Object.defineProperty(window, 'localStorage', { get: denied })
  })
  const page = await signIn(device)
  await page.getByRole('button', { name: 'Account of' }).click()
  await page.getByLabel('Dark').check()
  expect(await page.locator('html').getAttribute('data-theme')).toBe('dark')
  await page.getByRole('button', { name: 'Sign out', exact: true }).click()
  await heading(page, 'Sign in')
})

test('everything can be done with the keyboard alone, and the focus is always seen', async () => {
  const phone = await signIn(await newDevice(), '/devices')
  const page = await (await newDevice()).newPage()
  const { keyboard } = page
  const control = (role: 'button' | 'link', name: string) => page.getByRole(role, { name, exact: true })
  await page.goto('/')
  await tabTo(page, page.getByRole('button', { name: 'Ada' }))
  await keyboard.press('Enter')
  await eventually(() => focused(page), 'Shoots')
  await connected(page)
  await page.reload()
  await connected(page)
  await tabTo(page, control('link', 'Skip to content'), 1)
  await keyboard.press('Enter')
  await page.waitForURL('**/shoots#main')
  await tabTo(page, control('link', 'Wedding in Lisbon'), 1)

  await tabTo(page, control('link', 'Studio portraits'))
  await keyboard.press('Enter')
  // The link bore the same words.
  await heading(page, 'Studio portraits')
  await eventually(() => page.evaluate(() => document.activeElement?.tagName), 'H1')
  await tabTo(page, page.getByText('Simulated worker'))
  await keyboard.press('Enter')
  await tabTo(page, page.getByLabel('Takes'))
  await keyboard.press('ArrowUp')
  await tabTo(page, control('button', 'Cull'), 3, 'Shift+Tab')
  await keyboard.press('Enter')
  await page.waitForURL('**/report')
  await eventually(() => focused(page), 'Report: Studio portraits')

  const details = page.locator('.kull-details')
  await tabTo(page, page.locator('.kull-indicator-button'))
  await details.waitFor()
  await tabTo(page, control('button', 'Check now'), 1)
  await keyboard.press('Escape')
  await details.waitFor({ state: 'hidden' })
  expect(await focused(page)).toBe('Connected')

  const dismiss = page.getByRole('button', { name: /^Dismiss/ })
  await api.as('ada', 'POST', '/demo/api/credits', { credits: 500 })
  await dismiss.waitFor()
  await tabTo(page, dismiss, 20, 'Shift+Tab')
  await keyboard.press('Enter')
  await dismiss.waitFor({ state: 'hidden' })
  expect(await page.evaluate(() => document.activeElement?.className)).toBe('kull-toasts')

  await tabTo(page, page.getByRole('button', { name: 'Account of' }))
  await keyboard.press('Enter')
  await tabTo(page, page.getByRole('radio', { name: 'Auto' }))
  await keyboard.press('ArrowRight')
  await keyboard.press('ArrowRight')
  expect(await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme)).toBe('dark')
  await keyboard.press('Escape')

  await tabTo(page, control('link', 'Devices'))
  await keyboard.press('Enter')
  await eventually(() => focused(page), 'Devices')
  const signOut = page.locator('.kull-device:not([data-self])').getByRole('button', { name: /^Sign out: / })
  await tabTo(page, signOut)
  await keyboard.press('Enter')
  await eventually(() => focused(page), 'Cancel')
  await keyboard.press('Escape')
  await eventually(() => focused(page), 'Sign out')
  await keyboard.press('Enter')
  await eventually(() => focused(page), 'Cancel')
  await tabTo(page, control('button', 'Sign out'), 1)
  await keyboard.press('Enter')
  await heading(phone, 'This device was signed out')
  await eventually(() => focused(page), 'Signed in')

  await tabTo(page, page.getByRole('button', { name: 'Account of' }))
  await keyboard.press('Enter')
  await tabTo(page, page.locator('.account-menu').getByRole('button', { name: 'Sign out' }))
  await keyboard.press('Enter')
  await eventually(() => focused(page), 'Sign in')
})

test('the Tab key reaches every control of every page', async () => {
  const page = await signIn(await newDevice())
  const pages = {
    '/shoots/harbour-2': 'Harbour',
    '/marketplace': 'Soft light',
    '/credits': 'Buy 500',
    '/devices': 'This device',
  }
  await page.getByText('Wedding in Lisbon').waitFor()
  expect(await beyondTab(page)).toEqual([])
  for (const [path, part] of Object.entries(pages)) {
    await page.goto(path)
    await page.getByText(part).first().waitFor()
    expect(await beyondTab(page), path).toEqual([])
  }
})
