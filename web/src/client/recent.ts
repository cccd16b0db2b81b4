/** Memory that stays bounded: what was used last is kept, up to `limit` keys. */
export class Recent<V> {
  readonly #values = new Map<string, V>()

  constructor(readonly limit = 4096) {}

  /** The value of a key, which stays longer for being asked for. */
  get(key: string): V | undefined {
    const value = this.#values.get(key)
    if (value !== undefined) this.set(key, value)
    return value
  }

  /** Remembers a value; the key that was used longest ago may be forgotten. */
  set(key: string, value: V): void {
    // A Map keeps the order of insertion.
    this.#values.delete(key)
    this.#values.set(key, value)
    if (this.#values.size > this.limit) {
      for (const oldest of this.#values.keys()) {
        this.#values.delete(oldest)
        break
      }
    }
  }

  /** Forgets a key, and says whether it was known. */
  delete(key: string): boolean {
    return this.#values.delete(key)
  }

  clear(): void {
    this.#values.clear()
  }

  values(): IterableIterator<V> {
    return this.#values.values()
  }

  entries(): IterableIterator<[string, V]> {
    return this.#values.entries()
  }
}
