import { useEffect } from 'react'
import { Link, NavLink, Outlet } from 'react-router'
import { client, session } from '../session/current.ts'
import { endWithClient } from '../session/endings.ts'
import type { User } from '../session/session.ts'
import { Logo } from '../ui/Logo.tsx'
import { AccountMenu } from './AccountMenu.tsx'
import { BalanceLink } from './BalanceLink.tsx'
import { BalanceProvider } from './BalanceProvider.tsx'
import { Main } from './Main.tsx'
import { SkipLink } from './SkipLink.tsx'

/** Around the pages of a user: the way around, how the connection is, and the balance. */
export function Shell({ user }: { readonly user: User }) {
  useEffect(() => endWithClient(session, client), [])
  return (
    <BalanceProvider>
      <SkipLink />
      <header className="bar">
        <div className="bar-inner">
          <Link to="/shoots" className="brand">
            <Logo />
            Kull
          </Link>
          <nav className="bar-nav" aria-label="Main">
            <NavLink to="/shoots">Shoots</NavLink>
            <NavLink to="/marketplace">Marketplace</NavLink>
            <NavLink to="/devices">Devices</NavLink>
          </nav>
          <div className="bar-end">
            <BalanceLink />
            <AccountMenu user={user} />
          </div>
        </div>
      </header>
      <Main>
        <Outlet />
      </Main>
    </BalanceProvider>
  )
}
