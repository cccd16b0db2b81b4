import { useId, useRef } from 'react'
import { Link } from 'react-router'
import { signOut } from '../session/current.ts'
import type { User } from '../session/session.ts'
import { Avatar } from '../ui/Avatar.tsx'
import { ThemeChoice } from '../ui/ThemeChoice.tsx'

/** A popover, so that the browser sees to Escape, to clicks beside it, and to the focus. */
export function AccountMenu({ user }: { readonly user: User }) {
  const id = useId()
  const menu = useRef<HTMLDivElement>(null)
  return (
    <>
      <button type="button" className="account" popoverTarget={id} aria-label={`Account of ${user.name}`}>
        <Avatar name={user.name} />
      </button>
      <div id={id} ref={menu} popover="auto" className="account-menu">
        <p className="account-name">{user.name}</p>
        <ThemeChoice />
        <Link to="/tester" onClick={() => menu.current?.hidePopover()}>
          Tester
        </Link>
        <button type="button" className="button" onClick={() => void signOut()}>
          Sign out
        </button>
      </div>
    </>
  )
}
