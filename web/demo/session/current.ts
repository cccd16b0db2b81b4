import { getSyncClient, httpSession } from '@kull/sync'
import { useSyncExternalStore } from 'react'
import { storage } from '../data/storage.ts'
import { browserName } from './browserName.ts'
import { Session, type SessionState, type User } from './session.ts'

/** The session of this page. */
export const session = new Session(storage)
addEventListener('storage', () => session.reload())

export const client = getSyncClient({
  getSession: httpSession({ user: () => session.getSnapshot().user }),
  device: { name: browserName(navigator.userAgent) },
})

export function useSession(): SessionState {
  return useSyncExternalStore(session.subscribe, session.getSnapshot)
}

/** Begins with nothing of whoever was here before, also when that one is still taking leave. */
export async function signIn(user: User): Promise<void> {
  if (client.getSnapshot().status !== 'disconnected') await client.signOut()
  session.begin(user)
}

/** Forgets the token at once, in all tabs, so that none asks for another connection; then says goodbye. */
export async function signOut(): Promise<void> {
  session.end('nobody')
  await client.signOut()
}
