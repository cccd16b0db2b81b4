import { type Backoff, fullJitter } from './backoff.ts'
import type { SyncError } from './errors.ts'

/** Milliseconds that a connection must have held for the next wait to start short again. */
const STABLE_AFTER = 30_000
/** Reasons that are about the broker's load and not about this client (MQTT 5, 3.2.2.2). */
const UNAVAILABLE: readonly (number | undefined)[] = [0x88, 0x89, 0x97, 0x9f]

/** How long to wait after which failure. */
export class Retry {
  #failures = 0
  #refusals = 0
  readonly #backoff: Backoff
  readonly #random: () => number

  constructor(backoff: Backoff, random: () => number) {
    this.#backoff = backoff
    this.#random = random
  }

  /** Milliseconds to wait. `fresh`: the token that failed had not been used before. */
  delayAfter(error: SyncError, fresh: boolean): number {
    const { firstMs, maxMs, refusedMaxMs } = this.#backoff
    // Another token will hardly do better than a fresh one: the longer wait.
    return isRefusal(error) && fresh
      ? fullJitter(++this.#refusals, firstMs, refusedMaxMs, this.#random())
      : fullJitter(this.#failures++, firstMs, maxMs, this.#random())
  }

  /** A connection has lasted so long. */
  held(ms: number): void {
    if (ms > STABLE_AFTER) this.reset()
  }

  reset(): void {
    this.#failures = this.#refusals = 0
  }
}

/** Whether the broker refused this token, which another one may cure. */
export function isRefusal(error: SyncError): boolean {
  return error.code === 'link-refused' && !UNAVAILABLE.includes(error.reasonCode)
}
