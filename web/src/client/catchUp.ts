/**
 * Why something may have been missed.
 *
 * - `no-session`: the broker had none for this device, so it queued nothing. So it is at the first connect.
 * - `new-epoch`: the broker was started anew, and may have lost what it had.
 * - `no-epoch`: the broker did not say which boot of it this is.
 * - `queue-full`: as many messages were queued as the broker keeps; it drops the rest.
 * - `foreign-session`: somebody else was this device in between: an earlier run of the app, as a rule.
 * - `new-user`: another user than before is signed in.
 */
export type ResyncCause =
  | 'no-session'
  | 'new-epoch'
  | 'no-epoch'
  | 'queue-full'
  | 'foreign-session'
  | 'new-user'

/**
 * What one connect brought, from CONNECT to the epoch. The retained copy of the epoch marks the end of what the
 * broker had queued. A copy that is not retained was itself queued, at the broker's boot, and marks nothing.
 */
export class CatchUp {
  /** The session in the device's own retained presence, where there is one. */
  ownSession: number | null = null
  #epoch: string | null = null
  #queued = 0
  readonly #queueLimit: number

  constructor(queueLimit: number) {
    this.#queueLimit = queueLimit
  }

  get epoch(): string | null {
    return this.#epoch
  }

  get complete(): boolean {
    return this.#epoch !== null
  }

  /** Counts a QoS 1 message that is not retained. */
  countQueued(): void {
    if (!this.complete) this.#queued += 1
  }

  /** Takes the marker, and says whether it is the first. It comes again with each resubscription. */
  mark(epoch: string): boolean {
    if (this.complete) return false
    this.#epoch = epoch
    return true
  }

  /** Why the app must fetch anew. Null: nothing was missed. */
  resyncCause(before: {
    readonly sessionPresent: boolean
    readonly knownEpoch: string | null
    readonly announced: (session: number) => boolean
  }): ResyncCause | null {
    if (!before.sessionPresent) return 'no-session'
    if (!this.complete) return 'no-epoch'
    if (this.ownSession !== null && !before.announced(this.ownSession)) return 'foreign-session'
    if (this.#epoch !== before.knownEpoch) return 'new-epoch'
    return this.#queued >= this.#queueLimit ? 'queue-full' : null
  }
}
