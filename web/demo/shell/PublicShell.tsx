import { Suspense } from 'react'
import { Link, Outlet } from 'react-router'
import { Logo } from '../ui/Logo.tsx'
import { ThemeChoice } from '../ui/ThemeChoice.tsx'
import { Main } from './Main.tsx'
import { SkipLink } from './SkipLink.tsx'

/** Around the pages that need nobody to be signed in. */
export function PublicShell() {
  return (
    <>
      <SkipLink />
      <header className="bar">
        <div className="bar-inner">
          <Link to="/" className="brand">
            <Logo />
            Kull
          </Link>
          <div className="bar-end">
            <ThemeChoice />
          </div>
        </div>
      </header>
      <Main>
        <Suspense
          fallback={
            <p className="loading" role="status">
              Loading …
            </p>
          }
        >
          <Outlet />
        </Suspense>
      </Main>
    </>
  )
}
