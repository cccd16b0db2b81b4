import { type Clock, sleep } from './clock.ts'

/** A wait that can be cut short. */
export class Alarm {
  #ringing: AbortController | null = null
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Waits `ms` milliseconds, or until it rings or the signal is aborted. */
  async wait(ms: number, signal: AbortSignal): Promise<void> {
    const ringing = new AbortController()
    this.#ringing = ringing
    await sleep(this.#clock, ms, AbortSignal.any([ringing.signal, signal]))
    this.#ringing = null
  }

  /** Ends the wait, where there is one. */
  ring(): void {
    this.#ringing?.abort()
  }
}
