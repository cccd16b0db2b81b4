import { Navigate, useLocation } from 'react-router'
import { useBackend } from '../data/backend.ts'
import type { Person } from '../data/types.ts'
import { useAction } from '../data/useAction.ts'
import { useResource } from '../data/useResource.ts'
import { signIn, useSession } from '../session/current.ts'
import { landing } from '../session/landing.ts'
import type { User } from '../session/session.ts'
import { ContactSheet } from '../shoots/ContactSheet.tsx'
import { Avatar } from '../ui/Avatar.tsx'
import { Empty } from '../ui/Empty.tsx'
import { Loaded } from '../ui/Loaded.tsx'
import { Page } from '../ui/Page.tsx'
import { Problem } from '../ui/Problem.tsx'

export function SignInPage() {
  const { user } = useSession()
  const { state } = useLocation()
  const { api } = useBackend()
  const people = useResource<readonly Person[]>('/demo/api/users')
  const enter = useAction(async (userId: string) => {
    await signIn(await api.post<User>('/demo/api/sign-in', { userId }))
  })
  if (user) return <Navigate to={landing(state)} replace />
  return (
    <div className="sign-in">
      <div className="sign-in-form">
        <Page title="Sign in">
          <p className="lede">Pick a photographer. Open a second window to see both stay in step.</p>
          {enter.error && <Problem title="Nobody was signed in" error={enter.error} />}
          <Loaded resource={people} what="photographers">
            {(known) =>
              known.length === 0 ? (
                <Empty title="There is nobody to sign in as" />
              ) : (
                <ul className="people">
                  {known.map(({ userId, name }) => (
                    <li key={userId}>
                      <button type="button" aria-disabled={enter.pending} onClick={() => enter.run(userId)}>
                        <Avatar name={name} />
                        {name}
                      </button>
                    </li>
                  ))}
                </ul>
              )
            }
          </Loaded>
        </Page>
      </div>
      <ContactSheet shootId={(frame) => `day ${frame}`} frames={16} />
    </div>
  )
}
