import type { GetSession, SessionAnswer } from '@kull/sync'
import { Api } from '../../data/api.ts'
import type { NewEntry } from '../log/entry.ts'
import { tokenOf } from '../tokens.ts'

/** How the session function is to fail: as if it were down, or as if the user's login had ended. */
export type SessionFault = 'none' | 'unavailable' | 'refused'

/** What a session is asked for with. Read anew for each. */
export interface SessionWishes {
  /** Seconds that the token is to live. Null: as long as usual. */
  readonly lifetime: number | null
  readonly fault: SessionFault
}

/** A `getSession` for any user, which notes what it is asked and what it answers; the token it does not note. */
export function testSession(
  userId: string,
  wishes: () => SessionWishes,
  note: (entry: Omit<NewEntry, 'source'>) => void,
): GetSession {
  return async ({ request, reason }) => {
    const { lifetime, fault } = wishes()
    const noted = (outcome: string, answer: object) =>
      note({ type: 'session', summary: `${reason}: ${outcome}`, data: { reason, request, ...answer } })
    try {
      if (fault !== 'none') throw new SimulatedError(fault === 'refused' ? 401 : 503)
      const token = await tokenOf({ userId })
      const body = { userId, ...request, ...(lifetime !== null && { lifetime }) }
      const answer = await new Api({ token }).post<SessionAnswer>('/demo/api/session', body)
      const { expiresIn, session } = answer
      noted(`a token for ${expiresIn} s`, { expiresIn, session })
      return answer
    } catch (error) {
      noted(error instanceof Error ? error.message : 'failed', {})
      throw error
    }
  }
}

class SimulatedError extends Error {
  constructor(readonly status: number) {
    super(`The session function answered ${status} (simulated)`)
  }
}
