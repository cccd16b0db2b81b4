import type { Clock } from '../client/index.ts'

/** Runs something once for many wishes: after the shortest wait that was wished for, and not twice at a time. */
export class Merged {
  #due: { readonly at: number; readonly cancel: () => void } | null = null
  #running = false
  #again = false
  readonly #clock: Clock
  readonly #run: () => unknown

  constructor(clock: Clock, run: () => unknown) {
    this.#clock = clock
    this.#run = run
  }

  /** Let it run within `ms` milliseconds. */
  within(ms: number): void {
    const at = this.#clock.now() + ms
    if (this.#due !== null && this.#due.at <= at) return
    this.#due?.cancel()
    this.#due = { at, cancel: this.#clock.after(ms, () => this.#start()) }
  }

  cancel(): void {
    this.#due?.cancel()
    this.#due = null
    this.#again = false
  }

  async #start(): Promise<void> {
    this.#due = null
    this.#again = this.#running
    if (this.#running) return
    this.#running = true
    try {
      await this.#run()
    } catch (error) {
      // The app's own failure, told where it tells all others.
      reportError(error)
    } finally {
      this.#running = false
      if (this.#again) void this.#start()
    }
  }
}
