/** What went wrong. `code` is for programs, the message for people; it never quotes a token. */
export type SyncErrorCode =
  /** An option of the client is wrong. */
  | 'invalid-option'
  /** An update is not of the right shape; `field` says where. */
  | 'invalid-update'
  /** There is no session to be had: the session function answered 401 or 403. */
  | 'unauthorized'
  /** The user signed out, here or elsewhere. */
  | 'signed-out'
  /** The session function failed, took too long, or answered something else. */
  | 'session-failed'
  /** The broker could not be reached, or the connection broke. */
  | 'link-failed'
  /** The broker refused; `reasonCode` is its MQTT 5 reason. */
  | 'link-refused'
  /** Another connection of this device came later. */
  | 'outbid'
  /** There is no connection at this moment. */
  | 'not-connected'
  /** The bridge or the broker refused an update for good. */
  | 'update-refused'
  /** No answer came in time. */
  | 'timed-out'
  /** The client was stopped, or the user changed, before there was an answer. */
  | 'stopped'
  /** A message is not of the contract, and was dropped. */
  | 'unreadable-message'
  /** A message is of a type that this version does not know, and was dropped. */
  | 'unknown-type'
  /** A handler of the app threw; its error is the `cause`. */
  | 'handler-failed'

export interface SyncErrorDetails {
  readonly retryable?: boolean
  readonly cause?: unknown
  /** Path of the wrong field. */
  readonly field?: string
  /** MQTT 5 reason code. */
  readonly reasonCode?: number
}

/** Every error of this package. `retryable`: the same thing may work later. */
export class SyncError extends Error {
  override readonly name = 'SyncError'
  readonly retryable: boolean
  readonly field: string | undefined
  readonly reasonCode: number | undefined

  constructor(
    readonly code: SyncErrorCode,
    message: string,
    { retryable = false, cause, field, reasonCode }: SyncErrorDetails = {},
  ) {
    super(message, cause === undefined ? undefined : { cause })
    this.retryable = retryable
    this.field = field
    this.reasonCode = reasonCode
  }
}
