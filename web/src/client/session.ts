import { SyncError } from './errors.ts'
import { Fault } from './parse.ts'
import {
  type BirthData,
  type BirthTemplate,
  parseSessionAnswer,
  type SessionAnswer,
  type SessionTopics,
  type WillTemplate,
} from './wire.generated.ts'

/** Why a session is asked for. */
export type SessionReason = 'connect' | 'renew' | 'refused' | 'outbid'

/** What the session function must be told of the device: the body of its request but for the user. */
export interface DeviceRequest extends BirthData {
  readonly lastSession?: number
}

export interface SessionContext {
  readonly reason: SessionReason
  /** Aborted when the client is stopped or has waited long enough. Hand it to `fetch`. */
  readonly signal: AbortSignal
  readonly request: DeviceRequest
}

/**
 * Fetches a session from `POST /api/sync/session`. Null: nobody is signed in, and the client stops; so it does on
 * an error whose `status` is 401 or 403. After any other error it asks again later.
 */
export type GetSession = (context: SessionContext) => Promise<SessionAnswer | null>

/** The answer for a device, which has all parts. */
export interface DeviceSession extends SessionAnswer {
  readonly userId: string
  readonly deviceId: string
  readonly topics: SessionTopics
  readonly birth: BirthTemplate
  readonly will: WillTemplate
}

/** Checks an answer. Throws a SyncError `session-failed` that names the wrong field and quotes nothing. */
export function readSession(answer: unknown): DeviceSession {
  try {
    const session = parseSessionAnswer(answer, '')
    for (const name of ['userId', 'deviceId', 'topics', 'birth', 'will'] as const)
      if (session[name] === undefined) throw new Fault(name, 'is missing: the answer is for no device')
    return session as DeviceSession
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    throw new SyncError('session-failed', `The session answer is not right: ${error.message}`, {
      retryable: true,
      field: error.field,
    })
  }
}

/** The error of a `getSession` that threw. */
export function sessionError(cause: unknown): SyncError {
  if (cause instanceof SyncError) return cause
  const status = (cause as { readonly status?: unknown } | null)?.status
  return status === 401 || status === 403
    ? new SyncError('unauthorized', `The session function answered ${status}`, { cause })
    : new SyncError('session-failed', 'The session function failed', { retryable: true, cause })
}
