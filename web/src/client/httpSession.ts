import { SyncError } from './errors.ts'
import type { GetSession } from './session.ts'

export interface HttpSessionOptions {
  /** Base URL of the functions, e.g. `https://api.example.com`. Default: this page's own origin. */
  readonly url?: string
  /** Who is signed in, with the app's own access token; null when nobody is. Asked before every request. */
  readonly user: () => Promise<SignedIn | null> | SignedIn | null
}

export interface SignedIn {
  readonly userId: string
  readonly token: string
}

/** A `getSession` that asks the functions over HTTP. */
export function httpSession({ url = '', user }: HttpSessionOptions): GetSession {
  return async ({ request, signal }) => {
    const signedIn = await user()
    if (signedIn === null) return null
    const response = await fetch(`${url.replace(/\/$/, '')}/api/sync/session`, {
      method: 'POST',
      signal,
      headers: { Authorization: `Bearer ${signedIn.token}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ userId: signedIn.userId, ...request }),
    })
    if (response.ok) return response.json()
    const refused = response.status === 401 || response.status === 403
    throw new SyncError(
      refused ? 'unauthorized' : 'session-failed',
      `The session function answered ${response.status}`,
      { retryable: !refused },
    )
  }
}
