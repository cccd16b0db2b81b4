import type { SyncClient, SyncState } from '@kull/sync'
import type { Session, SignedOutReason } from './session.ts'

/** Why the app's own login is over as well, when the client has come to this state. Null: it is not. */
export function endingOf(state: SyncState): SignedOutReason | null {
  if (state.status !== 'disconnected') return null
  if (state.reason === 'signed-out') return 'elsewhere'
  return state.reason === 'unauthorized' ? 'expired' : null
}

/**
 * Ends the session when the client was signed out or is let in no longer. Else its token could ask for another
 * connection. Looks at changes alone: a user who signs in finds the client as the last one left it. Returns its undo.
 */
export function endWithClient(session: Session, client: SyncClient): () => void {
  return client.subscribe(() => {
    const reason = endingOf(client.getSnapshot())
    if (reason !== null) session.end(reason)
  })
}
