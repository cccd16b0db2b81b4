import { Recent } from './recent.ts'
import type { SyncStorage } from './storage.ts'

const SESSION_KEY = 'kull-sync:session:'

/** Which connection of a device it is, to which boot of the broker. */
export interface Origin {
  readonly session: number
  readonly epoch: string | null
}

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

  /** Notes a connection that another tab made for this device. */
  adopt({ session, epoch }: Origin): void {
    this.#firstSession ??= session
    this.#announced.set(String(session), true)
    this.#lastSession = Math.max(session, this.#lastSession ?? 0)
    this.epoch = epoch
  }

  /** Notes a number that the device's own presence bears. */
  outbidBy(session: number): void {
    this.#lastSession = session
    this.#storage.setItem(this.#key, String(session))
  }

  readonly announced = (session: number): boolean => this.#announced.get(String(session)) === true

  /** Nothing of this device stays behind, here or in the browser. */
  clear(): void {
    this.epoch = null
    this.#lastSession = this.#firstSession = undefined
    this.#announced.clear()
    this.#storage.removeItem(this.#key)
  }
}
