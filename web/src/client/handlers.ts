import { SyncError } from './errors.ts'

/** Who wants to know. A handler that throws harms nobody else. */
export class Handlers<Args extends unknown[]> {
  readonly #handlers = new Set<{ readonly call: (...args: Args) => void }>()
  readonly #onError: (error: SyncError) => void

  constructor(onError: (error: SyncError) => void) {
    this.#onError = onError
  }

  /** Returns its undo. The same handler may be added twice. */
  add(call: (...args: Args) => void): () => void {
    const handler = { call }
    this.#handlers.add(handler)
    return () => void this.#handlers.delete(handler)
  }

  get size(): number {
    return this.#handlers.size
  }

  call(...args: Args): void {
    for (const { call } of this.#handlers) {
      try {
        call(...args)
      } catch (cause) {
        this.#onError(new SyncError('handler-failed', 'A handler of the app threw', { cause }))
      }
    }
  }
}
