import { Link, Navigate } from 'react-router'
import { useSession } from '../session/current.ts'
import { Page } from '../ui/Page.tsx'

const TEXTS = {
  elsewhere: {
    title: 'This device was signed out',
    text: 'In another tab, or from another of your devices. Nothing of your account is kept here any more.',
  },
  expired: {
    title: 'Your session has ended',
    text: 'The server no longer knows it. Sign in again to go on.',
  },
} as const

export function SignedOutPage() {
  const { user, reason } = useSession()
  if (user) return <Navigate to="/shoots" replace />
  if (reason === 'nobody') return <Navigate to="/sign-in" replace />
  const { title, text } = TEXTS[reason]
  return (
    <div className="plain">
      <Page title={title}>
        <p className="lede">{text}</p>
        <Link to="/sign-in" className="button button-primary">
          Sign in again
        </Link>
      </Page>
    </div>
  )
}
