import { Recent } from './recent.ts'
import type { SyncStorage } from './storage.ts'

const SESSION_KEY = 'kull-sync:session:'

/** What one device of one user remembers from one connection to the next. */
export class History {
  /** The boot id of the broker, as it was told last. */
  epoch: string | null = null
  #lastSession: number | undefined
  #firstSession: number | undefined
  readonly #announced = new Recent<true>()
  readonly #key: string
  readonly #storage: SyncStorage

  constructor(storage: SyncStorage, deviceId: string) {
    this.#storage = storage
    this.#key = SESSION_KEY + deviceId
    const stored = Number(storage.getItem(this.#key))
    if (Number.isSafeInteger(stored) && stored > 0) this.#lastSession = stored
  }

  /** The highest session number that is known of this device, of earlier pages too. */
  get lastSession(): number | undefined {
    return this.#lastSession
  }

  /** The first session since this page began. */
  get firstSession(): number | undefined {
    return this.#firstSession
  }

  /** Notes the number of a CONNECT. */
  add(session: number): void {
    this.#firstSession ??= session
    this.#announced.set(String(session), true)
    this.outbidBy(session)
  }

  /** Notes a number that the device's own presence bears. */
  outbidBy(session: number): void {
    this.#lastSession = session
    this.#storage.setItem(this.#key, String(session))
  }

  readonly announced = (session: number): boolean => this.#announced.get(String(session)) === true

  /** Nothing of this device stays behind. */
  clear(): void {
    this.#storage.removeItem(this.#key)
  }
}
