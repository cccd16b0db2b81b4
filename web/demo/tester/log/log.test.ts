import { expect, test } from 'vitest'
import type { NewEntry } from './entry.ts'
import { Log } from './log.ts'

const entry = (summary: string): NewEntry => ({ source: 'Device 1', type: 'state', summary, data: {} })

/** A log whose waits end when the test says so. */
function logOf(limit: number) {
  const waits: (() => void)[] = []
  const log = new Log({ limit, now: () => 1000, soon: (show) => waits.push(show) })
  const add = (...summaries: string[]) => {
    for (const summary of summaries) log.add(entry(summary))
    for (const show of waits.splice(0)) show()
  }
  const shown = () => log.getSnapshot().entries.map(({ summary }) => summary)
  return { log, waits, add, shown }
}

test('what comes is shown in order, with its time and a number of its own', () => {
  const { log, add } = logOf(10)
  add('a', 'b')
  expect(log.getSnapshot().entries).toEqual([
    { id: 1, at: 1000, ...entry('a') },
    { id: 2, at: 1000, ...entry('b') },
  ])
})

test('a burst is drawn once', () => {
  const { log, waits, add } = logOf(10)
  let drawn = 0
  log.subscribe(() => {
    drawn += 1
  })
  for (let n = 0; n < 5; n++) log.add(entry('x'))
  expect([waits.length, drawn]).toEqual([1, 0])
  add()
  expect(drawn).toBe(1)
})

test('the oldest give way to the newest, and are counted', () => {
  const { log, add, shown } = logOf(3)
  add('a', 'b', 'c', 'd', 'e')
  expect(shown()).toEqual(['c', 'd', 'e'])
  expect(log.getSnapshot().dropped).toBe(2)
})

test('a pause holds still what is shown, counts what waits, and loses nothing', () => {
  const { log, add, shown } = logOf(10)
  add('a')
  log.pause()
  add('b', 'c')
  expect(shown()).toEqual(['a'])
  expect(log.getSnapshot()).toMatchObject({ paused: true, waiting: 2 })
  log.resume()
  expect(shown()).toEqual(['a', 'b', 'c'])
  expect(log.getSnapshot()).toMatchObject({ paused: false, waiting: 0 })
})

test('what came just before the pause is shown, and does not wait', () => {
  const { log, shown } = logOf(10)
  log.add(entry('a'))
  log.pause()
  expect(shown()).toEqual(['a'])
  expect(log.getSnapshot().waiting).toBe(0)
})

test('the bound holds during a pause too, and what is shown stays', () => {
  const { log, add, shown } = logOf(2)
  add('a', 'b')
  log.pause()
  add('c', 'd', 'e')
  expect(shown()).toEqual(['a', 'b'])
  expect(log.getSnapshot()).toMatchObject({ dropped: 0, waiting: 3 })
  log.resume()
  expect(shown()).toEqual(['d', 'e'])
  expect(log.getSnapshot().dropped).toBe(3)
})

test('clearing forgets what is shown and what waits, and a pause goes on', () => {
  const { log, add, shown } = logOf(2)
  add('a', 'b', 'c')
  log.pause()
  add('d')
  log.clear()
  expect(log.getSnapshot()).toEqual({ entries: [], dropped: 0, paused: true, waiting: 0 })
  add('e')
  expect(log.getSnapshot().waiting).toBe(1)
  log.resume()
  expect(shown()).toEqual(['e'])
})

test('a listener that has left is told nothing', () => {
  const { log, add } = logOf(2)
  let drawn = 0
  const leave = log.subscribe(() => {
    drawn += 1
  })
  leave()
  add('a')
  expect(drawn).toBe(0)
})
