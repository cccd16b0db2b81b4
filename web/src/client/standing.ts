import type { Clock } from './clock.ts'
import type { SyncError } from './errors.ts'
import { CONNECTED, type NewState } from './state.ts'

/** Tells where a connection stands, from what happens to it. */
export class Standing {
  #inStep: boolean
  #before: boolean
  #tries = 0
  #nextRetryAt: number | null = null
  #error: SyncError | null = null
  #prolonged = false
  #cancelGrace: (() => void) | null = null
  readonly #clock: Clock
  readonly #graceMs: number
  readonly #tell: (state: NewState) => void

  /** `resumed`: it is known as connected, and stays so unless it fails. */
  constructor(clock: Clock, graceMs: number, tell: (state: NewState) => void, resumed: boolean) {
    this.#inStep = this.#before = resumed
    this.#clock = clock
    this.#graceMs = graceMs
    this.#tell = tell
  }

  /** Whether the connection is up and has caught up. */
  get inStep(): boolean {
    return this.#inStep
  }

  /** A try begins. While a connection is up, as when a token is renewed, that is nobody's business. */
  trying(): void {
    if (this.#inStep) return
    this.#tries += 1
    this.#nextRetryAt = null
    this.#show()
  }

  /** The next try comes in `ms` milliseconds. */
  waiting(error: SyncError, ms: number): void {
    if (this.#inStep) return
    this.#error = error
    this.#nextRetryAt = this.#clock.date() + ms
    this.#show()
  }

  connected(): void {
    this.#clear()
    this.#inStep = this.#before = true
    this.#tell(CONNECTED)
  }

  lost(error: SyncError): void {
    if (!this.#inStep) return
    this.#inStep = false
    this.#error = error
    this.#show()
  }

  /** Nobody tries any more, for the reason that `state` tells. */
  ended(state: NewState): void {
    this.#clear()
    this.#inStep = this.#before = false
    this.#tell(state)
  }

  #clear(): void {
    this.#cancelGrace?.()
    this.#cancelGrace = null
    this.#prolonged = false
    this.#tries = 0
    this.#nextRetryAt = null
    this.#error = null
  }

  #show(): void {
    this.#cancelGrace ??= this.#clock.after(this.#graceMs, () => {
      this.#prolonged = true
      this.#show()
    })
    this.#tell({
      status: this.#before ? 'reconnecting' : 'connecting',
      attempt: this.#nextRetryAt === null ? Math.max(this.#tries, 1) : this.#tries + 1,
      nextRetryAt: this.#nextRetryAt,
      prolonged: this.#prolonged,
      error: this.#error,
    })
  }
}
