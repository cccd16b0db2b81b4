import type { SyncError } from './errors.ts'

interface Trying {
  /** How often it was tried, this try included, since the connection was lost or first wanted. */
  readonly attempt: number
  /** Milliseconds since 1970. Null: a try is under way. */
  readonly nextRetryAt: number | null
  /** It takes longer than the grace period: worth showing. */
  readonly prolonged: boolean
  /** Why the last try failed. Null: none has. */
  readonly error: SyncError | null
}

/** Where the client stands. Frozen; a new object at each change and only then. */
export type SyncState = (
  | {
      readonly status: 'disconnected'
      /** `idle`: not wanted yet, or no longer. */
      readonly reason: 'idle' | 'unauthorized' | 'signed-out'
      readonly error: SyncError | null
    }
  | ({ readonly status: 'connecting' } & Trying)
  | {
      readonly status: 'connected'
      /** Milliseconds from here through the bridge and back, by the last `ping()`. */
      readonly rttMs: number | null
    }
  | ({ readonly status: 'reconnecting' } & Trying)
) & {
  /** Since when the status is this one. Milliseconds since 1970. */
  readonly since: number
}

type WithoutSince<T> = T extends unknown ? Omit<T, 'since'> : never

/** A state before it is known since when. */
export type NewState = WithoutSince<SyncState>

export const IDLE = { status: 'disconnected', reason: 'idle', error: null } as const satisfies NewState
export const CONNECTING = {
  status: 'connecting',
  attempt: 1,
  nextRetryAt: null,
  prolonged: false,
  error: null,
} as const satisfies NewState
export const CONNECTED = { status: 'connected', rttMs: null } as const satisfies NewState

/** The next state, or the same object when nothing changed. */
export function nextState(known: SyncState, next: NewState, now: number): SyncState {
  const keys = Object.keys(next) as (keyof NewState)[]
  const same = keys.every((key) => (known as NewState)[key] === next[key])
  if (same && known.status === next.status) return known
  return Object.freeze({ ...next, since: known.status === next.status ? known.since : now })
}
