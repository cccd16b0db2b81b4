import type { Clock } from './clock.ts'
import type { SyncError } from './errors.ts'
import { Handlers } from './handlers.ts'
import { Recent } from './recent.ts'

/** Milliseconds between two looks at what changed. */
const WINDOW = 100

/**
 * Values by key, shown to readers at most ten times a second: a first change at once, and what follows in one
 * go. A shoot may report a thousand images in a second, and nobody reads faster.
 */
export class BatchedMap<V> {
  readonly #latest: Recent<V>
  #shown: ReadonlyMap<string, V> = new Map()
  #list: readonly V[] = []
  #changed = new Set<string>()
  #waiting = false
  readonly #clock: Clock
  readonly #onError: (error: SyncError) => void
  readonly #handlers: Handlers<[]>
  readonly #keyHandlers = new Map<string, Handlers<[]>>()

  constructor(clock: Clock, onError: (error: SyncError) => void, limit?: number) {
    this.#clock = clock
    this.#onError = onError
    this.#handlers = new Handlers(onError)
    this.#latest = new Recent(limit)
  }

  /** The value as shown. It stays the same object until listeners are told. */
  get(key: string): V | undefined {
    return this.#shown.get(key)
  }

  /** The values as shown, ordered by key. It stays the same array until listeners are told. */
  list = (): readonly V[] => this.#list

  /** The newest value, which may not be shown yet. */
  newest(key: string): V | undefined {
    return this.#latest.get(key)
  }

  set(key: string, value: V): void {
    this.#latest.set(key, value)
    this.#change(key)
  }

  delete(key: string): void {
    if (this.#latest.delete(key)) this.#change(key)
  }

  /** Forgets everything, at once. */
  clear(): void {
    for (const key of this.#shown.keys()) this.#changed.add(key)
    this.#latest.clear()
    this.#show()
  }

  /** Calls back when anything is shown anew. Returns its undo. */
  subscribe = (listener: () => void): (() => void) => this.#handlers.add(listener)

  /** Calls back when this key is. */
  subscribeTo(key: string, listener: () => void): () => void {
    const handlers = this.#keyHandlers.get(key) ?? new Handlers(this.#onError)
    this.#keyHandlers.set(key, handlers)
    const undo = handlers.add(listener)
    return () => {
      undo()
      if (handlers.size === 0 && this.#keyHandlers.get(key) === handlers) this.#keyHandlers.delete(key)
    }
  }

  #change(key: string): void {
    this.#changed.add(key)
    if (this.#waiting) return
    this.#show()
    this.#wait()
  }

  #wait(): void {
    this.#waiting = true
    this.#clock.after(WINDOW, () => {
      this.#waiting = false
      if (this.#changed.size === 0) return
      this.#show()
      this.#wait()
    })
  }

  #show(): void {
    const changed = this.#changed
    this.#changed = new Set()
    this.#shown = new Map([...this.#latest.entries()].sort(([a], [b]) => (a < b ? -1 : 1)))
    this.#list = Object.freeze([...this.#shown.values()])
    for (const key of changed) this.#keyHandlers.get(key)?.call()
    this.#handlers.call()
  }
}
