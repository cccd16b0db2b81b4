import type { Stage } from './stage.ts'

/** Each brings the demo into one state, by name. */
export const SCENES: Record<string, (stage: Stage) => Promise<unknown>> = {
  async 'sign-in'({ page }) {
    await page.goto('/')
    await page.getByRole('button', { name: 'Ada' }).waitFor()
  },
  async 'sign-in-failed'(stage) {
    await stage.answers('/demo/api/users', 'lost')
    await stage.page.goto('/')
    await stage.page.getByRole('alert').waitFor()
  },
  async 'signed-out-elsewhere'(stage) {
    await stage.signIn()
    const { devices } = (await stage.api('GET', '/api/sync/devices')) as { devices: { deviceId: string }[] }
    for (const { deviceId } of devices) await stage.api('DELETE', `/api/sync/devices/${deviceId}`)
    await stage.page.waitForURL('**/signed-out')
  },
  async 'session-expired'(stage) {
    await stage.signIn()
    await stage.page.evaluate(() => {
      const key = 'kull-demo:user'
      const user = JSON.parse(localStorage.getItem(key) ?? '')
      localStorage.setItem(key, JSON.stringify({ ...user, token: 'of.another.day' }))
    })
    await stage.page.reload()
    await stage.page.waitForURL('**/signed-out')
  },
  async connecting(stage) {
    stage.loseLink()
    await stage.enter()
    await stage.connection('connecting')
    await shoots(stage)
  },
  async connected(stage) {
    await stage.signIn()
    await shoots(stage)
  },
  async 'indicator-open'(stage) {
    await stage.signIn()
    await shoots(stage)
    await stage.page.locator('.kull-indicator').hover()
    await stage.page.getByText(/^\d+ ms$/).waitFor()
  },
  async reconnecting(stage) {
    await stage.signIn()
    await shoots(stage)
    stage.loseLink()
    await stage.connection('reconnecting')
    await stage.page.locator('.kull-indicator').hover()
  },
  async 'account-open'(stage) {
    await stage.signIn()
    await shoots(stage)
    await stage.page.getByRole('button', { name: 'Account of' }).click()
  },
  async 'shoots-loading'(stage) {
    await stage.answers('/demo/api/shoots', 'late')
    await stage.signIn()
    await stage.page.getByText('Loading shoots').waitFor()
  },
  async 'shoots-empty'(stage) {
    await stage.answers('/demo/api/shoots', [])
    await stage.signIn()
    await stage.page.getByText('No shoots yet').waitFor()
  },
  async 'shoots-failed'(stage) {
    await stage.answers('/demo/api/shoots', 'lost')
    await stage.signIn()
    await stage.page.getByRole('alert').waitFor()
  },
  async 'shoots-culling'(stage) {
    await stage.signIn()
    await stage.api('POST', '/demo/api/shoots/wedding-17/cull', { seconds: 30 })
    await stage.page.getByText(/Culling [1-9]/).waitFor()
  },
  async 'shoot-new'(stage) {
    await stage.signIn('/shoots/portraits-4')
    await stage.page.getByText('Simulated worker').click()
  },
  async 'cull-running'(stage) {
    await stage.progress('wedding-17', {
      status: 'processing',
      processedCount: 310,
      totalCount: 1240,
      currentImage: 'DSC_0311.NEF',
      eta: 15,
    })
    await stage.signIn('/shoots/wedding-17')
    await stage.page.locator('.kull-shoot[data-state="processing"]').getByText('25%').waitFor()
  },
  async 'cull-failed'(stage) {
    await stage.signIn('/shoots/portraits-4')
    await stage.api('POST', '/demo/api/shoots/portraits-4/cull', { seconds: 2, fail: true })
    await stage.page.locator('.kull-shoot[data-state="failed"]').waitFor()
  },
  async 'cull-refused'(stage) {
    await stage.signIn('/shoots/archive-1')
    await stage.page.getByRole('button', { name: 'Cull' }).click()
    await stage.page.getByRole('alert').waitFor()
  },
  async 'shoot-finished'(stage) {
    await stage.signIn('/shoots/harbour-2')
    await stage.page.getByText('See the report').waitFor()
  },
  async report(stage) {
    await stage.signIn('/shoots/portraits-4')
    await stage.api('POST', '/demo/api/shoots/portraits-4/cull', { seconds: 1 })
    await stage.page.waitForURL('**/report')
    await stage.page.getByText('First picks').waitFor()
  },
  async 'report-missing'(stage) {
    await stage.signIn('/shoots/portraits-4/report')
    await stage.page.getByText('No report yet').waitFor()
  },
  async toasts(stage) {
    await stage.signIn()
    await shoots(stage)
    await stage.device('iPad on the sofa', 'ipad')
    await stage.api('POST', '/demo/api/credits', { credits: 500 })
    await stage.page.locator('.kull-toast').nth(1).waitFor()
  },
  async marketplace(stage) {
    await stage.signIn('/marketplace')
    await stage.page.getByText('Soft light').waitFor()
  },
  async 'marketplace-editing'(stage) {
    await stage.signIn('/marketplace')
    await stage.page.getByRole('button', { name: 'Edit title of' }).first().click()
  },
  async credits(stage) {
    await stage.signIn('/credits')
    await stage.page.getByText('4,200').nth(1).waitFor()
  },
  async devices(stage) {
    await (await stage.device('Gone before', 'iphone')).disconnect()
    await stage.device('iPhone of Ada', 'iphone')
    await stage.device('Studio Mac', 'mac')
    const ipad = await stage.device('iPad on the sofa', 'ipad')
    await stage.signIn('/devices')
    await stage.page.getByText('iPad on the sofa').waitFor()
    await ipad.disconnect()
    await stage.page.getByText('Offline').first().waitFor()
    await stage.page.getByText('Earlier devices').click()
    await stage.page.getByText('Unnamed device').waitFor()
  },
  async 'devices-signing-out'(stage) {
    await stage.device('iPhone of Ada', 'iphone')
    await stage.signIn('/devices')
    await stage.page.getByRole('button', { name: 'Sign out: iPhone of Ada' }).click()
  },
  async 'not-found'(stage) {
    await stage.signIn('/nowhere')
  },
  async tester({ page }) {
    await page.goto('/tester')
    await page.getByRole('heading', { level: 1 }).waitFor()
  },
  async 'tester-in-use'({ page }) {
    await page.goto('/tester')
    await page.getByRole('button', { name: 'Add a second device' }).click()
    for (const name of ['Device 1', 'Device 2']) {
      const device = page.getByRole('region', { name })
      await device.getByRole('button', { name: 'Connect' }).click()
      await device.locator('.kull-indicator[data-state="connected"]').waitFor()
    }
    await page.getByRole('button', { name: 'Send SHOOT_PROGRESS' }).click()
    await page.locator('.tester-entry[data-type="SHOOT_PROGRESS"]').nth(1).waitFor()
    await page.getByRole('region', { name: 'Device 1' }).getByText('Simulate faults').click()
    await page.getByRole('radio', { name: 'Cut' }).check()
    await page.locator('.kull-indicator[data-state="reconnecting"]').waitFor()
  },
}

async function shoots({ page }: Stage): Promise<void> {
  await page.getByText('Wedding in Lisbon').waitFor()
}
