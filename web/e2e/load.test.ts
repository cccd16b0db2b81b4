/** More progress than anybody can read, in Chromium. */
import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { newUser, shows, World } from './browser.ts'

let world: World

beforeAll(async () => {
  world = await World.start()
})
afterAll(() => world?.stop())
afterEach(() => world.clear())

/** Publishes updates of a shoot, of which each says how many there were. */
function publish(
  user: string,
  from: number,
  to: number,
  pace?: Parameters<World['stack']['flood']>[2],
): Promise<void> {
  const updates = Array.from({ length: to - from }, (_, n) => from + n + 1)
  return world.stack.flood(
    `sync/v1/users/${user}/events/shoots/wedding`,
    updates.map((n) => ({
      type: 'SHOOT_PROGRESS',
      id: randomUUID(),
      timestamp: Date.now(),
      userId: user,
      deviceId: null,
      data: { shootId: 'wedding', status: 'processing', processedCount: n, totalCount: 10_000, sequence: n },
    })),
    pace,
  )
}

test('1,000 updates in a second are drawn ten times, and the last one is what is shown', async () => {
  const user = newUser()
  const { page } = await world.open(user)
  await shows(page, 'status', 'connected')
  await page.evaluate(() => {
    window.renders = 0
    window.updates = []
    window.sync.on('SHOOT_PROGRESS', () => window.updates.push(performance.now()))
  })
  await publish(user, 0, 1000, { atOnce: 20, pauseMs: 20 })
  await shows(page, 'progress', '1000')

  const { renders, updates } = await page.evaluate(() => ({
    renders: window.renders,
    updates: window.updates,
  }))
  const seconds = ((updates.at(-1) ?? 0) - (updates[0] ?? 0)) / 1000
  expect(updates).toHaveLength(1000)
  // One at once, one after each 100 ms, and one for the rest.
  expect(renders).toBeLessThanOrEqual(seconds * 10 + 2)
})

test('of 10,000 updates nothing is left in memory but what is shown, and the ids of the newest', async () => {
  const user = newUser()
  const { page } = await world.open(user)
  await shows(page, 'status', 'connected')
  const debug = await page.context().newCDPSession(page)
  await debug.send('HeapProfiler.enable')
  const heapAfter = async (from: number, to: number): Promise<number> => {
    // A broker drops copies of the present for a reader that is slow.
    for (let sent = from; sent < to; sent += 1000) {
      await publish(user, sent, sent + 1000)
      await shows(page, 'progress', `${sent + 1000}`)
    }
    await debug.send('HeapProfiler.collectGarbage')
    return (await debug.send('Runtime.getHeapUsage')).usedSize
  }
  // By then as many ids are known as ever will be.
  const before = await heapAfter(0, 5000)
  const after = await heapAfter(5000, 10_000)

  // Bytes. An id that was kept of each would be more.
  expect(after - before).toBeLessThan(256 * 1024)
})
