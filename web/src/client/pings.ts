import type { Clock } from './clock.ts'
import { SyncError } from './errors.ts'
import type { Identity } from './line.ts'
import { type Message, newId } from './messages.ts'

/** Milliseconds that the bridge has to answer. */
const PONG_TIMEOUT = 10_000

/** Measures the way through the bridge and back. */
export class Pings {
  #lastSentAt = 0
  readonly #waiting = new Map<
    number,
    { readonly resolve: () => void; readonly reject: (error: SyncError) => void }
  >()
  readonly #clock: Clock
  readonly #publish: (message: Message<'PING'>) => Promise<void>

  constructor(clock: Clock, publish: (message: Message<'PING'>) => Promise<void>) {
    this.#clock = clock
    this.#publish = publish
  }

  /** Milliseconds there and back. Rejects with a SyncError. */
  async measure(identity: Identity): Promise<number> {
    // A PONG is told by this number alone.
    const sentAt = Math.max(this.#lastSentAt + 1, this.#clock.date())
    this.#lastSentAt = sentAt
    const began = this.#clock.now()
    const cancel = this.#clock.after(PONG_TIMEOUT, () =>
      this.#waiting
        .get(sentAt)
        ?.reject(new SyncError('timed-out', 'The bridge does not answer', { retryable: true })),
    )
    try {
      await new Promise<void>((resolve, reject) => {
        this.#waiting.set(sentAt, { resolve, reject })
        this.#publish({ type: 'PING', id: newId(), timestamp: sentAt, ...identity, data: { sentAt } }).catch(
          reject,
        )
      })
      return this.#clock.now() - began
    } finally {
      cancel()
      this.#waiting.delete(sentAt)
    }
  }

  answer({ data }: Message<'PONG'>): void {
    this.#waiting.get(data.sentAt)?.resolve()
  }

  /** Nobody will answer any more. */
  clear(): void {
    for (const { reject } of this.#waiting.values())
      reject(new SyncError('stopped', 'The client was stopped'))
  }
}
