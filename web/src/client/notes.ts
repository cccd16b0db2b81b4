import type { Delivery } from './attachment.ts'
import type { ResyncCause } from './catchUp.ts'
import { SyncError, type SyncErrorCode } from './errors.ts'
import type { Origin } from './history.ts'
import type { Identity, UplinkMessage } from './line.ts'
import type { Received } from './receive.ts'
import type { NewState } from './state.ts'

/** What the tabs of a browser say to each other. Tabs of another version meet under another name. */
export type Note =
  /** To the leader: somebody is new here. */
  | { readonly kind: 'join' }
  /** To the leader: are you there? */
  | { readonly kind: 'ask' }
  /** To the leader: look whether the connection stands. */
  | { readonly kind: 'wake' }
  /** To the leader: publish this. */
  | { readonly kind: 'publish'; readonly message: UplinkMessage }
  /** To all: the user signs out. The leader says goodbye. */
  | { readonly kind: 'sign-out' }
  | LeaderNote

/** What only the leader says. */
export type LeaderNote =
  | { readonly kind: 'here' }
  /** All that a new tab, or one with a new leader, must know. */
  | {
      readonly kind: 'lead'
      readonly state: PlainState
      readonly identity: Identity | null
      readonly origin: Origin | null
    }
  | { readonly kind: 'state'; readonly state: PlainState }
  | { readonly kind: 'identity'; readonly identity: Identity }
  | { readonly kind: 'message'; readonly message: Received; readonly delivery: Delivery }
  | { readonly kind: 'resync'; readonly cause: ResyncCause }
  | { readonly kind: 'ready'; readonly origin: Origin }
  | { readonly kind: 'report'; readonly error: PlainError }
  /** The user is signed out, and the broker has been told. */
  | { readonly kind: 'gone' }

/** An error as it can be posted: of an instance only the text would arrive. */
interface PlainError {
  readonly code: SyncErrorCode
  readonly message: string
  readonly retryable: boolean
  readonly field: string | undefined
  readonly reasonCode: number | undefined
}

type WithPlainError<T> = T extends { readonly error: SyncError | null }
  ? Omit<T, 'error'> & { readonly error: PlainError | null }
  : T

export type PlainState = WithPlainError<NewState>

export function plainError({ code, message, retryable, field, reasonCode }: SyncError): PlainError {
  return { code, message, retryable, field, reasonCode }
}

export function readError({ code, message, retryable, field, reasonCode }: PlainError): SyncError {
  return new SyncError(code, message, {
    retryable,
    ...(field !== undefined && { field }),
    ...(reasonCode !== undefined && { reasonCode }),
  })
}

export function plainState(state: NewState): PlainState {
  return 'error' in state ? { ...state, error: state.error && plainError(state.error) } : state
}

export function readState(state: PlainState): NewState {
  return 'error' in state ? { ...state, error: state.error && readError(state.error) } : state
}
