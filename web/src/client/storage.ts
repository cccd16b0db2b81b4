/** What a device remembers from one page to the next. The same as the Web Storage that browsers have. */
export type SyncStorage = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>

/** Remembers as long as the page lives. */
export class MemoryStorage implements SyncStorage {
  readonly #items = new Map<string, string>()

  getItem(key: string): string | null {
    return this.#items.get(key) ?? null
  }

  setItem(key: string, value: string): void {
    this.#items.set(key, value)
  }

  removeItem(key: string): void {
    this.#items.delete(key)
  }
}

/** The browser's storage, or memory where it is forbidden or full: the client works all the same. */
export function browserStorage(): SyncStorage {
  const memory = new MemoryStorage()
  const attempt = <T>(on: (storage: SyncStorage) => T): T => {
    try {
      // Merely naming it throws where the user forbade it.
      return on(localStorage)
    } catch {
      return on(memory)
    }
  }
  return {
    getItem: (key) => attempt((storage) => storage.getItem(key)) ?? memory.getItem(key),
    setItem: (key, value) => attempt((storage) => storage.setItem(key, value)),
    removeItem: (key) => {
      memory.removeItem(key)
      attempt((storage) => storage.removeItem(key))
    },
  }
}
