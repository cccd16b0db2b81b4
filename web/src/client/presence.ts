import type { Message } from './messages.ts'
import { Recent } from './recent.ts'

export type PresenceMessage = Message<'DEVICE_CONNECTED'> | Message<'DEVICE_DISCONNECTED'>

/** Milliseconds. A session number that is further ahead than this is nonsense, and is not outbid. */
export const MAX_CLOCK_SKEW = 24 * 60 * 60 * 1000

/**
 * Whether presence replaces what is known of the device: a higher session does, and at an equal one the end of
 * it. So a will that arrives late, of an older session, changes nothing.
 */
export function isNewerPresence(next: PresenceMessage, known: PresenceMessage | undefined): boolean {
  if (known === undefined || next.data.session > known.data.session) return true
  return (
    next.data.session === known.data.session &&
    next.type === 'DEVICE_DISCONNECTED' &&
    known.type === 'DEVICE_CONNECTED'
  )
}

/** Presence of one user's devices, ordered by session, never by arrival and never by id. */
export class Presence {
  readonly #known = new Recent<PresenceMessage>()

  /** Takes a message. `accepted`: it is the present now; `news`: there is something to tell besides. */
  take(message: PresenceMessage): { readonly accepted: boolean; readonly news: boolean } {
    const known = this.#known.get(message.data.deviceId)
    if (!isNewerPresence(message, known)) return { accepted: false, news: false }
    this.#known.set(message.data.deviceId, message)
    // A device that is shown online announces itself again, as it does when it renews its token.
    return { accepted: true, news: message.type !== 'DEVICE_CONNECTED' || known?.type !== 'DEVICE_CONNECTED' }
  }

  /** Forgets a device, and says whether it was known. */
  remove(device: string): boolean {
    return this.#known.delete(device)
  }

  clear(): void {
    this.#known.clear()
  }

  values(): Iterable<PresenceMessage> {
    return this.#known.values()
  }
}

export type OwnPresence = 'fine' | 'announce-again' | 'outbid' | 'signed-out'

/**
 * What a device does about a message on its own presence topic. It is connected with `session`; `firstSession`
 * is the first that it had since it was started. A sign-out from before that is over: somebody signed in again.
 * One from after that is obeyed also when it is read late, because the broker cuts the connection first.
 */
export function readOwnPresence(
  message: PresenceMessage,
  { session, firstSession }: { readonly session: number; readonly firstSession: number },
): OwnPresence {
  const { data } = message
  const ended = message.type === 'DEVICE_DISCONNECTED'
  if (data.session > session + MAX_CLOCK_SKEW) return 'fine'
  if ('reason' in data && data.reason === 'signed-out' && data.session >= firstSession) return 'signed-out'
  // Nobody would believe a birth with this number: a higher one is needed.
  if (data.session > session || (ended && data.session === session)) return 'outbid'
  return ended ? 'announce-again' : 'fine'
}
