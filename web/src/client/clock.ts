import { type CancelTimer, timers } from './workerTimers.ts'

/** Time, handed to whoever waits, so that tests do not wait. */
export interface Clock {
  /** Milliseconds, by a clock that nobody can set back and that runs while the machine sleeps. */
  now(): number
  /** Milliseconds since 1970 UTC, as the machine believes. */
  date(): number
  /** Calls back once, `ms` milliseconds from now, or after 24 days, if that is sooner. Returns what cancels it. */
  after(ms: number, callback: () => void): CancelTimer
}

/** Milliseconds that the two clocks of a machine may drift apart without one having slept or been set. */
const DRIFT = 2000

/** Milliseconds. A browser's timer fires at once when it is to wait longer (HTML, 8.7: a 32-bit number). */
const LONGEST = 2 ** 31 - 1

export interface Sources {
  readonly monotonic: () => number
  readonly wall: () => number
}

/**
 * The real clock. `performance.now()` stands still while some machines sleep, and the wall clock can be set. So
 * time goes on by the first, and by a jump of the second: at worst a token is renewed too early.
 */
export function createClock({ monotonic, wall }: Sources = REAL): Clock {
  let slept = 0
  let offset = wall() - monotonic()
  return {
    now() {
      const jump = wall() - monotonic() - offset
      if (Math.abs(jump) > DRIFT) {
        offset += jump
        slept += Math.max(0, jump)
      }
      return monotonic() + slept
    },
    date: wall,
    after: (ms, callback) => timers().after(Math.min(ms, LONGEST), callback),
  }
}

const REAL: Sources = { monotonic: () => performance.now(), wall: () => Date.now() }

/** Waits. Resolves early when the signal is aborted. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve()
    const end = () => {
      cancel()
      signal?.removeEventListener('abort', end)
      resolve()
    }
    const cancel = clock.after(ms, end)
    signal?.addEventListener('abort', end)
  })
}

/** The promise, or after `ms` milliseconds a rejection with what `late` makes. */
export function within<T>(clock: Clock, ms: number, promise: Promise<T>, late: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(ms, () => reject(late()))
    promise.then(resolve, reject).finally(cancel)
  })
}
