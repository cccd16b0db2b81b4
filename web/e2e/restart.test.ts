/** A broker that crashes and is started again behind Chromium, in both of its forms. */
import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { eventually, newUser, shows, World } from './browser.ts'
import { type BrokerForm, NoSuchStackError } from './stack.ts'

/** Milliseconds that building the image may take. */
const BUILD_TIMEOUT = 600_000

/** A world for the tests of a suite, which are skipped where this machine cannot have one. */
function worldFor(broker: BrokerForm): () => World {
  let world: World | undefined
  let lacks: string | undefined
  beforeAll(async () => {
    try {
      world = await World.start(broker)
    } catch (error) {
      if (!(error instanceof NoSuchStackError)) throw error
      lacks = error.message
    }
  }, BUILD_TIMEOUT)
  beforeEach(({ skip }) => skip(lacks !== undefined, lacks))
  afterEach(() => world?.clear())
  afterAll(() => world?.stop())
  return () => {
    if (world === undefined) throw new Error('There is no world')
    return world
  }
}

/** A page in step, and two ways to let it know something. */
async function openPage(world: World) {
  const user = newUser()
  const { page } = await world.open(user)
  await shows(page, 'status', 'connected')
  await eventually(() => page.evaluate(() => window.resyncs), ['no-session'])
  await page.evaluate(() => {
    window.resyncs = []
    window.statuses = []
  })
  const post = (title: string) =>
    world.stack.post('prompt-change', { userId: user, action: 'created', title })
  const credit = (newBalance: number) =>
    world.stack.post('credit-update', { userId: user, newBalance, change: 1, reason: 'bought' })
  return { page, post, credit }
}

/** Cuts the page off, kills the broker and starts it again. `before` happens in between. */
async function crash(world: World, page: Page, before: () => Promise<unknown>) {
  const { stack } = world
  stack.proxy.hold(true)
  stack.proxy.cut()
  await shows(page, 'status', 'reconnecting')
  await before()
  // The store commits in each turn of the broker's loop. When this is acknowledged, what came before is in there.
  await stack.post('prompt-change', { userId: newUser(), action: 'created' })
  await stack.order('kill-broker')
  await stack.order('start-broker')
}

async function comeBack(world: World, page: Page) {
  world.stack.proxy.hold(false)
  await page.evaluate(() => window.sync.retryNow())
  await shows(page, 'status', 'connected')
}

describe("this machine's broker", () => {
  const world = worldFor('process')

  test('killed and started again: the page is back by itself, and is told once that it may have missed something', async () => {
    const { page, post } = await openPage(world())
    await world().stack.order('kill-broker')
    await shows(page, 'status', 'reconnecting')
    await world().stack.order('start-broker')
    await shows(page, 'status', 'connected')
    await post('after')
    await shows(page, 'titles', 'after')

    expect(await page.evaluate(() => window.statuses)).toEqual(['reconnecting', 'connected'])
    expect(await page.evaluate(() => window.resyncs)).toEqual([
      expect.stringMatching(/^(no-session|new-epoch)$/),
    ])
  })
})

describe('our image, whose store survives a crash', () => {
  const world = worldFor('container')

  test('what was published before the crash and after it, while the page was away, comes once, as replayed, without a toast', async () => {
    const { page, post, credit } = await openPage(world())
    await crash(world(), page, () => post('before'))
    await post('after')
    await credit(1)
    await comeBack(world(), page)
    await post('live')
    await credit(2)
    await shows(page, 'titles', 'before, after, live')
    await eventually(() => page.evaluate(() => window.toasts), ['Balance: 2 credits (+1)'])

    const heard = ['before replayed', 'after replayed', 'live']
    expect(await page.evaluate(() => window.heard)).toEqual(heard)
    expect(await page.evaluate(() => window.statuses)).toEqual(['reconnecting', 'connected'])
    // What was acknowledged in the very last turn before a crash may be lost.
    expect(await page.evaluate(() => window.resyncs)).toEqual(['new-epoch'])
  })
})
