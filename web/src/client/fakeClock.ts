import type { Clock } from './clock.ts'

/** A clock that stands until it is told to go on. For tests. */
export class FakeClock implements Clock {
  #now = 0
  #next = 1
  readonly #timers = new Map<number, { readonly due: number; readonly callback: () => void }>()

  constructor(readonly startedAt = 1_790_000_000_000) {}

  now(): number {
    return this.#now
  }

  date(): number {
    return this.startedAt + this.#now
  }

  after(ms: number, callback: () => void): () => void {
    const id = this.#next++
    this.#timers.set(id, { due: this.#now + Math.max(0, ms), callback })
    return () => this.#timers.delete(id)
  }

  /** Lets time pass, timer by timer, and everything that hangs on each settle before the next. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms
    await settle()
    for (let timer = this.#first(end); timer; timer = this.#first(end)) {
      this.#timers.delete(timer.id)
      this.#now = timer.due
      timer.callback()
      await settle()
    }
    this.#now = end
    await settle()
  }

  /** Lets the machine sleep: time goes on, and timers run late, when it wakes. */
  async sleep(ms: number): Promise<void> {
    this.#now += ms
    await this.advance(0)
  }

  #first(end: number): { id: number; due: number; callback: () => void } | undefined {
    let first: { id: number; due: number; callback: () => void } | undefined
    for (const [id, { due, callback }] of this.#timers)
      if (due <= end && (first === undefined || due < first.due))
        first = { id, due: Math.max(due, this.#now), callback }
    return first
  }
}

/** Everything that is only waiting for promises gets done. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await Promise.resolve()
}
