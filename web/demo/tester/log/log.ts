import type { Entry, NewEntry } from './entry.ts'

/** What is shown of a log. Frozen; a new object at each change and only then. */
export interface LogView {
  /** Oldest first. */
  readonly entries: readonly Entry[]
  /** How many of the oldest were given up for newer ones. */
  readonly dropped: number
  readonly paused: boolean
  /** How many came during the pause, and are not shown yet. */
  readonly waiting: number
}

export interface LogOptions {
  /** How many entries are kept. */
  readonly limit?: number
  /** Milliseconds since 1970. */
  readonly now?: () => number
  /** Calls back soon. Entries that come meanwhile are shown together. */
  readonly soon?: (show: () => void) => void
}

/** Milliseconds. A burst of a thousand messages is drawn ten times a second, not a thousand times. */
const SHOW_EVERY = 100
const EMPTY: LogView = Object.freeze({ entries: [], dropped: 0, paused: false, waiting: 0 })

/** The newest entries. A pause holds still what is shown; what comes meanwhile is kept all the same. */
export class Log {
  readonly limit: number
  readonly #now: () => number
  readonly #soon: (show: () => void) => void
  readonly #listeners = new Set<() => void>()
  #entries: Entry[] = []
  #lastId = 0
  #dropped = 0
  /** The last entry that was shown before the pause. Null: there is none. */
  #pausedAt: number | null = null
  #view = EMPTY
  #due = false

  constructor({
    limit = 1000,
    now = Date.now,
    soon = (show) => setTimeout(show, SHOW_EVERY),
  }: LogOptions = {}) {
    this.limit = limit
    this.#now = now
    this.#soon = soon
  }

  getSnapshot = (): LogView => this.#view

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  add = (entry: NewEntry): void => {
    this.#lastId += 1
    this.#entries.push(Object.freeze({ id: this.#lastId, at: this.#now(), ...entry }))
    if (this.#entries.length > this.limit) {
      this.#entries.shift()
      this.#dropped += 1
    }
    if (this.#due) return
    this.#due = true
    this.#soon(() => this.#show())
  }

  pause(): void {
    this.#show()
    this.#pausedAt = this.#lastId
    this.#show()
  }

  resume(): void {
    this.#pausedAt = null
    this.#show()
  }

  /** Forgets all entries, those that wait included. A pause goes on. */
  clear(): void {
    this.#entries = []
    this.#dropped = 0
    if (this.#pausedAt !== null) this.#pausedAt = this.#lastId
    this.#view = EMPTY
    this.#show()
  }

  #show(): void {
    this.#due = false
    const paused = this.#pausedAt !== null
    this.#view = Object.freeze({
      entries: paused ? this.#view.entries : [...this.#entries],
      dropped: paused ? this.#view.dropped : this.#dropped,
      paused,
      waiting: this.#pausedAt === null ? 0 : this.#lastId - this.#pausedAt,
    })
    for (const listener of this.#listeners) listener()
  }
}
