/** What the backend's data is about. `failed`: whatever could not be fetched. */
export type Topic = 'balance' | 'shoots' | 'prompts' | 'failed'

/** Tells what is on screen to fetch its data again. What is not on screen fetches when it gets there. */
export class Refresh {
  readonly #listeners = new Map<Topic, Set<() => void>>()

  on(topic: Topic, listener: () => void): () => void {
    const listeners = this.#listeners.get(topic) ?? new Set()
    this.#listeners.set(topic, listeners.add(listener))
    return () => void listeners.delete(listener)
  }

  tell(...topics: readonly Topic[]): void {
    for (const topic of topics) for (const listener of this.#listeners.get(topic) ?? []) listener()
  }
}
