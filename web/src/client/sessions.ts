import { within } from './clock.ts'
import { SyncError } from './errors.ts'
import { Lease } from './lease.ts'
import type { Settings } from './options.ts'
import { readSession, type SessionReason, sessionError } from './session.ts'

/** Milliseconds that fetching a session may take. */
const SESSION_TIMEOUT = 30_000

/** The one way to a token. Only the connection's loop asks, so there is never more than one request. */
export class Sessions {
  #lease: Lease | null = null
  #reason: SessionReason = 'connect'
  readonly #settings: Settings
  readonly #deviceId: string

  constructor(settings: Settings, deviceId: string) {
    this.#settings = settings
    this.#deviceId = deviceId
  }

  get lease(): Lease | null {
    return this.#lease
  }

  /**
   * A lease to connect with; a new one when there is none, when the broker would not take it, or when it is due.
   * While the connection is down (`attached` false), coming back with a good token goes before renewing it.
   * Rejects with a SyncError.
   */
  async usable(
    attached: boolean,
    lastSession: number | undefined,
    signal: AbortSignal,
  ): Promise<{ readonly lease: Lease; readonly fresh: boolean }> {
    const now = this.#settings.clock.now()
    if (this.#lease !== null && !this.#lease.isSpent(now) && !(attached && this.#lease.isDue(now)))
      return { lease: this.#lease, fresh: false }
    const lease = await this.#ask(this.#lease === null ? this.#reason : 'renew', lastSession, signal)
    this.#lease = lease
    return { lease, fresh: true }
  }

  /** Uses this lease no more. */
  drop(reason: SessionReason): void {
    this.#lease = null
    this.#reason = reason
  }

  async #ask(reason: SessionReason, lastSession: number | undefined, signal: AbortSignal): Promise<Lease> {
    const { clock, getSession, device, random } = this.#settings
    const { name, platform, appVersion } = device
    const request = {
      deviceId: this.#deviceId,
      name,
      platform,
      ...(appVersion !== undefined && { appVersion }),
      ...(lastSession !== undefined && { lastSession }),
    }
    const askedAt = clock.now()
    const waited = new AbortController()
    const late = () =>
      new SyncError('session-failed', 'The session function does not answer', { retryable: true })
    try {
      // What a getSession throws before it returns a promise must end up here too.
      const asked = Promise.resolve().then(() =>
        getSession({ reason, signal: AbortSignal.any([signal, waited.signal]), request }),
      )
      const answer = await within(clock, SESSION_TIMEOUT, asked, late)
      if (answer === null) throw new SyncError('signed-out', 'Nobody is signed in')
      return new Lease(readSession(answer), { askedAt, random: random() })
    } catch (error) {
      throw sessionError(error)
    } finally {
      waited.abort()
    }
  }
}
