import type { DeviceState } from './present.ts'
import type { SyncStorage } from './storage.ts'

const KEY = 'kull-sync:names'
/** More devices than anybody owns: guests come and go under ever new ids. */
const LIMIT = 100

type Known = Pick<DeviceState, 'name' | 'platform'>

/** Names of a user's devices, kept in the browser until the user signs out: one that has left says none. */
export class Names {
  #user: string | null = null
  #known = new Map<string, Known>()
  readonly #storage: SyncStorage

  constructor(storage: SyncStorage) {
    this.#storage = storage
  }

  get(user: string | null, device: string): Known | undefined {
    if (user !== this.#user) this.#load(user)
    return this.#known.get(device)
  }

  set(user: string | null, device: string, { name, platform }: Known): void {
    const known = this.get(user, device)
    if (known?.name === name && known.platform === platform) return
    this.#known.delete(device)
    this.#known.set(device, { name, platform })
    for (const oldest of this.#known.keys()) if (this.#known.size > LIMIT) this.#known.delete(oldest)
    this.#storage.setItem(KEY, JSON.stringify([user, [...this.#known]]))
  }

  clear(): void {
    this.#user = null
    this.#known.clear()
    this.#storage.removeItem(KEY)
  }

  #load(user: string | null): void {
    this.#user = user
    this.#known.clear()
    try {
      const [owner, known] = JSON.parse(this.#storage.getItem(KEY) ?? '[]')
      if (owner === user) this.#known = new Map(known)
    } catch {
      // Of another version, or damaged: names are learned anew.
    }
  }
}
