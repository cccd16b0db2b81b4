import { SyncProvider } from '@kull/sync/react'
import { useMemo, useState } from 'react'
import { Navigate, useLocation } from 'react-router'
import { Api } from '../data/api.ts'
import { type Backend, BackendContext } from '../data/backend.ts'
import { Refresh } from '../data/refresh.ts'
import { client, session, useSession } from '../session/current.ts'
import type { User } from '../session/session.ts'
import { Shell } from './Shell.tsx'

/** The pages of a user; without one, the way to sign in. */
export function SignedIn() {
  const { user, reason } = useSession()
  const { pathname } = useLocation()
  // Whoever left may have been at a page that is nobody else's.
  const [cameWithoutUser] = useState(user === null)
  // Another user is another app: nothing that the first one saw or typed stays on screen.
  if (user) return <UserApp key={user.userId} user={user} />
  if (reason !== 'nobody') return <Navigate to="/signed-out" replace />
  return <Navigate to="/sign-in" replace state={cameWithoutUser ? { from: pathname } : null} />
}

function UserApp({ user }: { readonly user: User }) {
  const backend = useMemo<Backend>(() => {
    const api = new Api({ token: user.token, onUnauthorized: () => session.end('expired') })
    return { api, refresh: new Refresh() }
  }, [user.token])
  return (
    <BackendContext value={backend}>
      <SyncProvider client={client}>
        <Shell user={user} />
      </SyncProvider>
    </BackendContext>
  )
}
