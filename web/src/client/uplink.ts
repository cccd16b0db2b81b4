import type { Clock } from './clock.ts'
import { SyncError } from './errors.ts'
import type { Identity } from './line.ts'
import { type Message, newId } from './messages.ts'
import { Fault } from './parse.ts'
import { checkCounts } from './receive.ts'
import { parseShootProgress, type ShootProgress } from './wire.generated.ts'

/** Milliseconds after which an update without an answer is sent again; the broker keeps it no longer. */
export const RESEND_AFTER = 10_000

/** What a device says about a shoot. */
export type ShootUpdate = Omit<ShootProgress, 'run'> & { readonly run?: number }

interface Update {
  readonly id: string
  readonly timestamp: number
  readonly data: ShootProgress
  /** Those who wait for it, and for the ones that it replaced. */
  readonly callers: { readonly resolve: () => void; readonly reject: (error: SyncError) => void }[]
}

interface Shoot {
  inFlight: Update
  /** The newest of the updates that were made meanwhile. */
  next: Update | null
  cancelResend: () => void
}

/**
 * Updates that this device makes. Of each shoot one is in flight, until the bridge has answered it; the same one
 * is sent again after a time and after each reconnect.
 */
export class Uplink {
  readonly #shoots = new Map<string, Shoot>()
  readonly #clock: Clock
  readonly #publish: (message: Message<'UPDATE_PROGRESS'>) => Promise<void>
  #identity: Identity | null = null

  constructor(clock: Clock, publish: (message: Message<'UPDATE_PROGRESS'>) => Promise<void>) {
    this.#clock = clock
    this.#publish = publish
  }

  /** Resolves when the bridge has taken this update or a newer one of the shoot. Rejects with a SyncError. */
  update(progress: ShootUpdate): Promise<void> {
    return new Promise((resolve, reject) => {
      const update: Update = {
        id: newId(),
        timestamp: this.#clock.date(),
        data: checked(progress),
        callers: [{ resolve, reject }],
      }
      const shoot = this.#shoots.get(update.data.shootId)
      if (shoot === undefined) {
        this.#start(update)
      } else {
        update.callers.unshift(...(shoot.next?.callers ?? []))
        shoot.next = update
      }
    })
  }

  /** Connected anew: everything without an answer is sent again. */
  ready(identity: Identity): void {
    this.#identity = identity
    for (const shoot of this.#shoots.values()) this.#send(shoot)
  }

  /** The bridge has it. */
  acknowledge({ data }: Message<'ACK'>): void {
    const shoot = this.#find(data.inReplyTo)
    if (shoot === undefined) return
    for (const { resolve } of shoot.inFlight.callers) resolve()
    this.#finish(shoot)
  }

  /** The bridge did not take it. Says whether this was about an update of this device. */
  refuse({ data }: Message<'ERROR'>): boolean {
    const shoot = this.#find(data.inReplyTo)
    if (shoot === undefined) return false
    if (data.retryable) this.#resendAfter(shoot, data.retryAfterMs ?? RESEND_AFTER)
    else this.#reject(shoot, new SyncError('update-refused', `The update was refused: ${data.detail}`, data))
    return true
  }

  /** Nobody will answer any more. */
  clear(): void {
    const error = new SyncError('stopped', 'The client was stopped before the update was acknowledged')
    const shoots = [...this.#shoots.values()]
    this.#shoots.clear()
    this.#identity = null
    for (const { inFlight, next, cancelResend } of shoots) {
      cancelResend()
      for (const { reject } of [...inFlight.callers, ...(next?.callers ?? [])]) reject(error)
    }
  }

  #start(update: Update): void {
    const shoot: Shoot = { inFlight: update, next: null, cancelResend: () => undefined }
    this.#shoots.set(update.data.shootId, shoot)
    this.#send(shoot)
  }

  #send(shoot: Shoot): void {
    if (this.#identity === null) return
    const { id, timestamp, data } = shoot.inFlight
    this.#resendAfter(shoot, RESEND_AFTER)
    this.#publish({ type: 'UPDATE_PROGRESS', id, timestamp, ...this.#identity, data }).catch(
      (error: unknown) => {
        // Not within the rights of this device, and so never will be; everything else comes right by itself.
        if (error instanceof SyncError && error.reasonCode === 0x87 && this.#find(id) === shoot)
          this.#reject(
            shoot,
            new SyncError('update-refused', error.message, { cause: error, reasonCode: 0x87 }),
          )
      },
    )
  }

  #resendAfter(shoot: Shoot, ms: number): void {
    shoot.cancelResend()
    shoot.cancelResend = this.#clock.after(ms, () => this.#send(shoot))
  }

  #reject(shoot: Shoot, error: SyncError): void {
    for (const { reject } of shoot.inFlight.callers) reject(error)
    this.#finish(shoot)
  }

  #finish(shoot: Shoot): void {
    shoot.cancelResend()
    this.#shoots.delete(shoot.inFlight.data.shootId)
    if (shoot.next !== null) this.#start(shoot.next)
  }

  #find(id: string | undefined): Shoot | undefined {
    return [...this.#shoots.values()].find(({ inFlight }) => inFlight.id === id)
  }
}

function checked(progress: ShootUpdate): ShootProgress {
  try {
    const data = parseShootProgress(progress, 'data')
    checkCounts(data)
    return data
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    throw new SyncError('invalid-update', error.message, { field: error.field })
  }
}
