import { SyncEffects, SyncIndicator, Toasts, useToasts } from '@kull/sync/components'
import { useEffect } from 'react'
import { Link, NavLink, Outlet } from 'react-router'
import { useBackend } from '../data/backend.ts'
import { client, session } from '../session/current.ts'
import { endWithClient } from '../session/endings.ts'
import type { User } from '../session/session.ts'
import { number } from '../ui/format.ts'
import { Logo } from '../ui/Logo.tsx'
import { AccountMenu } from './AccountMenu.tsx'
import { BalanceLink } from './BalanceLink.tsx'
import { BalanceProvider } from './BalanceProvider.tsx'
import { Main } from './Main.tsx'
import { SkipLink } from './SkipLink.tsx'
import { useCatchUp } from './useCatchUp.ts'

/** Around the pages of a user: the way around, how the connection is, the balance, and what happens elsewhere. */
export function Shell({ user }: { readonly user: User }) {
  const { refresh } = useBackend()
  const { toasts, show, dismiss } = useToasts()
  useEffect(() => endWithClient(session, client), [])
  useCatchUp()
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
            <SyncIndicator />
            <BalanceLink />
            <AccountMenu user={user} />
          </div>
        </div>
      </header>
      <Main>
        <Outlet />
      </Main>
      <SyncEffects
        balance={() => refresh.tell('balance')}
        marketplace={() => refresh.tell('prompts')}
        toast={show}
        labels={TOAST_TEXTS}
      />
      <Toasts toasts={toasts} onDismiss={dismiss} />
    </BalanceProvider>
  )
}

const TOAST_TEXTS = {
  credits: (balance: number, change: number) =>
    `${change < 0 ? '−' : '+'}${number(Math.abs(change))} credits. You have ${number(balance)}.`,
}
