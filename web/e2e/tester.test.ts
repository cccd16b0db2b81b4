/** The tester in Chromium, as `kull-sync dev` serves it: what it sends, shows and breaks. */
import { readFile } from 'node:fs/promises'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, test as base, beforeAll, expect } from 'vitest'
import { DemoApi } from '../scripts/demoApi.ts'
import { findings, lookAt, overflows } from './axe.ts'
import { CHROMIUM, eventually, SECONDS } from './browser.ts'
import { DemoStack } from './demoStack.ts'
import { beyondTab } from './keyboard.ts'

let demo: DemoStack
let browser: Browser
let users = 0

beforeAll(async () => {
  ;[demo, browser] = await Promise.all([DemoStack.start(), chromium.launch(CHROMIUM)])
})
afterAll(async () => {
  await browser?.close()
  await demo?.stop()
})
const part = (page: Page, name: string) => page.getByRole('region', { name })
const rows = (page: Page, type: string, text: string | RegExp = '') =>
  page.locator(`.tester-entry[data-type="${type}"]`).filter({ hasText: text })
const button = (page: Page, region: string, name: string) =>
  part(page, region).getByRole('button', { name, exact: true })

async function connect(page: Page, user: string, name: string): Promise<void> {
  await part(page, name).getByRole('combobox', { name: 'User' }).fill(user)
  await button(page, name, 'Connect').click()
  await indicator(page, name, 'connected')
}

const indicator = (page: Page, name: string, state: string) =>
  part(page, name).locator(`.kull-indicator[data-state="${state}"]`).waitFor()

/** The tester, connected as a user of this test alone. (Vitest wants to see a fixture take its first argument apart.) */
const test = base.extend('tester', async ({ task: _ }, { onCleanup }) => {
  users += 1
  const user = `tester-${users}`
  const complaints: string[] = []
  // Else buttons are between two colours when the look has just changed.
  const context = await browser.newContext({ reducedMotion: 'reduce' })
  onCleanup(async () => {
    await context.close()
    expect(complaints).toEqual([])
  })
  const page = await context.newPage()
  page.setDefaultTimeout(SECONDS.timeout)
  page.on('pageerror', (error) => complaints.push(error.message))
  await page.goto(`${demo.url}/tester`)
  await connect(page, user, 'Device 1')
  return { page, user }
})

/** Fills a form in, and sends it. Returns what it is answered. */
async function send(page: Page, type: string, values: Record<string, string> = {}): Promise<string> {
  const form = part(page, 'Send')
  await form.getByRole('combobox', { name: 'Message' }).selectOption(type)
  const optional = form.getByText('Optional fields').filter({ visible: true })
  const isFolded =
    (await optional.count()) > 0 &&
    !(await optional.evaluate(({ parentElement }) => parentElement?.hasAttribute('open')))
  if (isFolded) await optional.click()
  for (const [name, value] of Object.entries(values))
    await form.getByRole('textbox', { name, exact: true }).fill(value)
  await form.getByRole('button', { name: `Send ${type}` }).click()
  const answer = form.locator('.tester-answer').filter({ visible: true })
  await answer.waitFor()
  return answer.innerText()
}

const sendCredits = (page: Page, userId: string, reason: string) =>
  send(page, 'CREDIT_UPDATE', { userId, reason, sequence: '' })

/** Turns the network of the first device to `fault`. */
async function network(page: Page, fault: string): Promise<void> {
  const faults = part(page, 'Device 1').getByText('Simulate faults')
  if (!(await page.getByRole('radio', { name: fault }).isVisible())) await faults.click()
  await page.getByRole('radio', { name: fault }).check()
}

test('each type of message that is sent is answered, and seen', async ({ tester: { page, user } }) => {
  for (const type of ['SHOOT_PROGRESS', 'CREDIT_UPDATE', 'PROMPT_CHANGE']) {
    const answer = await send(page, type, { userId: user })
    expect(answer).toContain('202 Accepted')
    expect(answer).toMatch(/listeners\s+some/)
    await rows(page, type).waitFor()
  }
  expect(await send(page, 'UPDATE_PROGRESS', { shootId: 'own-1' })).toContain('Acknowledged by the bridge')
  await rows(page, 'SHOOT_PROGRESS', /own-1.*self/).waitFor()
  expect(await send(page, 'PING')).toMatch(/round trip\s+\d+ ms/)
})

test('what is refused says why, at the field, by this page and by the function', async ({
  tester: { page, user },
}) => {
  const form = part(page, 'Send')
  const field = (name: string) => form.getByRole('textbox', { name, exact: true })
  const fault = (name: string) =>
    field(name).evaluate((input) => {
      const ids = input.getAttribute('aria-describedby')?.split(' ') ?? []
      return ids.map((id) => document.getElementById(id)?.textContent).join(' ')
    })
  const wrong = { userId: user, processedCount: 'many' }
  expect(await send(page, 'SHOOT_PROGRESS', wrong)).toContain('Not sent')
  expect(await fault('processedCount')).toContain('Must be a number')
  expect(await field('processedCount').evaluate((input) => input === document.activeElement)).toBe(true)

  await form.getByRole('checkbox', { name: 'Check it here' }).uncheck()
  expect(await send(page, 'SHOOT_PROGRESS', wrong)).toContain('422')
  await eventually(() => fault('processedCount'), expect.stringContaining('valid integer'))

  expect(await send(page, 'SHOOT_PROGRESS', { processedCount: '9999' })).toContain('422')
  await eventually(() => fault('totalCount'), expect.stringContaining('exceed'))
  await form.getByRole('combobox', { name: 'As' }).selectOption('User Ada Okafor')
  expect(await send(page, 'SHOOT_PROGRESS', { processedCount: '1' })).toContain('403')
})

test('the log can be filtered, held still, exported and cleared', async ({ tester: { page, user } }) => {
  const log = part(page, 'Log')
  const filter = log.getByRole('searchbox', { name: 'Filter' })
  await sendCredits(page, user, 'First purchase')
  await rows(page, 'CREDIT_UPDATE').waitFor()
  await filter.fill('first PURCHASE')
  await eventually(() => rows(page, 'state').count(), 0)
  const saved = page.waitForEvent('download')
  await button(page, 'Log', 'Export').click()
  const file = await saved
  expect(file.suggestedFilename()).toMatch(/^kull-sync-.*\.json$/)
  const document = JSON.parse(await readFile(await file.path(), 'utf8'))
  expect(document.entries).toContainEqual(
    expect.objectContaining({
      type: 'CREDIT_UPDATE',
      meta: { replayed: false, retained: false, self: false },
      data: expect.objectContaining({ userId: user, type: 'CREDIT_UPDATE' }),
    }),
  )
  expect(JSON.stringify(document)).not.toContain('eyJ')

  await filter.fill('')
  await log.getByText('Types:').click()
  await log.getByRole('checkbox', { name: 'CREDIT_UPDATE' }).uncheck()
  await eventually(() => rows(page, 'CREDIT_UPDATE').count(), 0)
  await button(page, 'Log', 'All').click()
  await rows(page, 'CREDIT_UPDATE').waitFor()

  await button(page, 'Log', 'Pause').click()
  await sendCredits(page, user, 'Second purchase')
  // The message, and that it was sent.
  await log.getByRole('button', { name: 'Resume (2 waiting)' }).waitFor()
  expect(await rows(page, 'CREDIT_UPDATE').count()).toBe(1)
  await log.getByRole('button', { name: 'Resume' }).click()
  await eventually(() => rows(page, 'CREDIT_UPDATE').count(), 2)
  await rows(page, 'CREDIT_UPDATE', 'Second').getByText('CREDIT_UPDATE').click()
  await log.getByText('"reason": "Second purchase"').waitFor()
  await button(page, 'Log', 'Clear').click()
  await log.getByText('Nothing yet').waitFor()
})

test.concurrent('a device whose network is cut comes back, and what was sent meanwhile comes as replayed', async ({
  tester: { page, user },
}) => {
  await network(page, 'Cut')
  await indicator(page, 'Device 1', 'reconnecting')
  await sendCredits(page, user, 'Meanwhile')
  await network(page, 'Up')
  await part(page, 'Device 1').locator('.kull-indicator-button').focus()
  await page.getByRole('button', { name: 'Retry now' }).click()
  await indicator(page, 'Device 1', 'connected')
  await rows(page, 'CREDIT_UPDATE', /Meanwhile.*replayed/).waitFor()
})

test.concurrent('a device whose network falls silent finds out when it is woken', async ({
  tester: { page },
}) => {
  await network(page, 'Silent')
  await page.evaluate(() => dispatchEvent(new Event('focus')))
  await rows(page, 'state', 'reconnecting').first().waitFor()
})

test.concurrent('a token that ends is renewed and nobody sees the device go; without a session it is out', async ({
  tester: { page, user },
}) => {
  const device = part(page, 'Device 1')
  await button(page, 'Device 1', 'Disconnect').click()
  await device.getByText('Simulate faults').click()
  await device.getByRole('spinbutton', { name: 'Token life' }).fill('10')
  await page.getByRole('button', { name: 'Add a second device' }).click()
  await connect(page, user, 'Device 2')
  await button(page, 'Log', 'Clear').click()
  await connect(page, user, 'Device 1')
  await rows(page, 'session', /Device 1.*renew: a token for 10 s/)
    .first()
    .waitFor()
  expect(await rows(page, 'DEVICE_DISCONNECTED').count()).toBe(0)
  await button(page, 'Device 1', 'Disconnect').click()
  await device.getByRole('combobox', { name: 'Session function' }).selectOption('Refuses (401)')
  await button(page, 'Device 1', 'Connect').click()
  await rows(page, 'state', /disconnected, unauthorized/).waitFor()
})

test.concurrent('a second device appears to the first, and disappears without a trace', async ({
  tester: { page, user },
}) => {
  await page.getByRole('button', { name: 'Add a second device' }).click()
  await connect(page, user, 'Device 2')
  await rows(page, 'DEVICE_CONNECTED', /Device 1.*Tester, Device 2 \(iphone\)/).waitFor()
  await rows(page, 'DEVICE_CONNECTED', /Device 2.*Tester, Device 1 \(web\).*retained/).waitFor()
  await button(page, 'Device 2', 'Remove').click()
  await rows(page, 'DEVICE_DISCONNECTED', /Device 1.*signed-out/).waitFor()
  await rows(page, 'DEVICE_REMOVED', 'Device 1').waitFor()
  expect(await part(page, 'Device 2').count()).toBe(0)
})

test.concurrent('the page leaves nothing behind when it is left', async ({ tester: { page, user } }) => {
  const devices = async () => {
    const answer = await new DemoApi(demo.url).as(user, 'GET', '/api/sync/devices')
    return (answer as { devices: unknown[] }).devices.length
  }
  await eventually(devices, 1)
  await page.getByRole('link', { name: 'Kull' }).click()
  await page.waitForURL('**/sign-in')
  await eventually(devices, 0)
  expect(await page.evaluate(() => Object.keys(localStorage))).toEqual([])
})

test('with all of it open, axe finds nothing, and the keyboard reaches everything', async ({
  tester: { page, user },
}) => {
  await page.getByRole('button', { name: 'Add a second device' }).click()
  await sendCredits(page, user, '')
  await network(page, 'Cut')
  await send(page, 'SHOOT_PROGRESS', { processedCount: 'many' })
  await part(page, 'Log').getByText('Types:').click()
  await rows(page, 'CREDIT_UPDATE').locator('summary').click()
  // Without rows that come in while the keyboard walks through those that are there.
  await part(page, 'Log').getByRole('button', { name: 'Pause' }).click()
  await lookAt(page, { name: 'narrow', colorScheme: 'light', width: 320 })
  expect(await findings(page)).toEqual([])
  expect(await overflows(page)).toBe(false)
  expect(await beyondTab(page)).toEqual([])
})
