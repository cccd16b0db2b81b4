import type { Delivery } from './attachment.ts'
import type { ResyncCause } from './catchUp.ts'
import type { SyncError } from './errors.ts'
import type { Origin } from './history.ts'
import type { Message } from './messages.ts'
import type { Received } from './receive.ts'
import type { NewState } from './state.ts'

/** Who this is, by the session answer. */
export interface Identity {
  readonly userId: string
  readonly deviceId: string
}

export type UplinkMessage = Message<'PING'> | Message<'UPDATE_PROGRESS'>

/** What a client is told by its line, wherever the connection is held. */
export interface LineEvents {
  state(state: NewState): void
  /** Told before anything of this user is. */
  identity(identity: Identity): void
  message(message: Received, delivery: Delivery): void
  resync(cause: ResyncCause): void
  /** Connected anew: what was not acknowledged must be sent again. */
  ready(origin: Origin): void
  report(error: SyncError): void
}

/** What a client is connected by: a connection of its own, or one that it shares. */
export interface Line {
  /** Connects, and stays connected. Does nothing when it is at it. */
  start(): void
  /** Says goodbye and ends, for good when signing out. Takes a few seconds at most; does not reject. */
  stop(reason: 'closed' | 'signed-out'): Promise<void>
  /** Look now: somebody is back, or wants to see it work. */
  wake(): void
  /** Resolves when the broker has it. Rejects with a SyncError. */
  publish(message: UplinkMessage): Promise<void>
}
