import { expect, test, vi } from 'vitest'
import { createClock, sleep, within } from './clock.ts'
import { FakeClock, settle } from './fakeClock.ts'
import { type TimerWorker, workerTimers } from './workerTimers.ts'

function machine() {
  let monotonic = 1000
  let wall = 1_790_000_000_000
  const clock = createClock({ monotonic: () => monotonic, wall: () => wall })
  const start = clock.now()
  return {
    passed: () => Math.round(clock.now() - start),
    run: (ms: number) => {
      monotonic += ms
      wall += ms
    },
    set: (ms: number) => {
      wall += ms
    },
  }
}

test('time goes on as the machine runs, slow drift of its clocks aside', () => {
  const { passed, run, set } = machine()
  for (let hour = 0; hour < 24; hour++) {
    run(3_600_000)
    set(50)
    passed()
  }
  expect(passed()).toBe(24 * 3_600_000)
})

test('sleep that only the wall clock sees counts', () => {
  const { passed, set, run } = machine()
  run(1000)
  set(7_200_000)
  expect(passed()).toBe(7_201_000)
  run(500)
  expect(passed()).toBe(7_201_500)
})

test('a wall clock that is set back takes nothing back', () => {
  const { passed, set, run } = machine()
  run(1000)
  set(-86_400_000)
  expect(passed()).toBe(1000)
  run(1000)
  expect(passed()).toBe(2000)
})

test('a sleep ends in time or when it is aborted, and leaves no timer', async () => {
  const clock = new FakeClock()
  const stop = new AbortController()
  const ended: string[] = []
  void sleep(clock, 100).then(() => ended.push('slept'))
  void sleep(clock, 1e9, stop.signal).then(() => ended.push('aborted'))
  await clock.advance(100)
  expect(ended).toEqual(['slept'])
  stop.abort()
  await settle()
  expect(ended).toEqual(['slept', 'aborted'])
  await sleep(clock, 1e9, stop.signal)
})

test('an answer that is late is none', async () => {
  const clock = new FakeClock()
  const late = within(clock, 100, new Promise(() => undefined), () => new Error('late'))
  const caught = expect(late).rejects.toThrow('late')
  await clock.advance(100)
  await caught
  await expect(within(clock, 100, Promise.resolve(7), () => new Error('late'))).resolves.toBe(7)
})

/** A worker that a test ticks. */
class FakeWorker implements TimerWorker {
  readonly posted: { readonly id: number; readonly ms: number | null }[] = []
  readonly #listeners = new Map<string, (event: never) => void>()

  postMessage(message: { readonly id: number; readonly ms: number | null }): void {
    this.posted.push(message)
  }

  addEventListener(type: string, listener: (event: never) => void): void {
    this.#listeners.set(type, listener)
  }

  tick(id: number): void {
    this.#listeners.get('message')?.({ data: id } as never)
  }

  fail(): void {
    this.#listeners.get('error')?.(undefined as never)
  }
}

test('timers of a worker call back once, and not when cancelled', () => {
  const worker = new FakeWorker()
  const timers = workerTimers(worker)
  const called: string[] = []
  timers.after(10, () => called.push('first'))
  const cancel = timers.after(20, () => called.push('second'))
  cancel()
  for (const id of [1, 1, 2]) worker.tick(id)

  expect(called).toEqual(['first'])
  expect(worker.posted).toEqual([
    { id: 1, ms: 10 },
    { id: 2, ms: 20 },
    { id: 2, ms: null },
  ])
})

test('where the worker may not start, the page itself keeps time, for timers that wait already too', () => {
  vi.useFakeTimers()
  try {
    const worker = new FakeWorker()
    const timers = workerTimers(worker)
    const called: string[] = []
    timers.after(10, () => called.push('before'))
    const cancel = timers.after(10, () => called.push('cancelled'))
    worker.fail()
    worker.fail()
    cancel()
    timers.after(10, () => called.push('after'))
    vi.advanceTimersByTime(10)
    expect(called).toEqual(['before', 'after'])
  } finally {
    vi.useRealTimers()
  }
})
