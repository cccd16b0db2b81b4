import { lazy } from 'react'
import { Navigate, Route, Routes } from 'react-router'
import { CreditsPage } from './pages/CreditsPage.tsx'
import { DevicesPage } from './pages/DevicesPage.tsx'
import { MarketplacePage } from './pages/MarketplacePage.tsx'
import { NotFoundPage } from './pages/NotFoundPage.tsx'
import { ReportPage } from './pages/ReportPage.tsx'
import { ShootPage } from './pages/ShootPage.tsx'
import { ShootsPage } from './pages/ShootsPage.tsx'
import { SignedOutPage } from './pages/SignedOutPage.tsx'
import { SignInPage } from './pages/SignInPage.tsx'
import { PublicShell } from './shell/PublicShell.tsx'
import { SignedIn } from './shell/SignedIn.tsx'

// For developers: nobody else should have to load it.
const TesterPage = lazy(() => import('./tester/TesterPage.tsx'))

export function App() {
  return (
    <Routes>
      <Route element={<PublicShell />}>
        <Route path="sign-in" element={<SignInPage />} />
        <Route path="signed-out" element={<SignedOutPage />} />
        <Route path="tester" element={<TesterPage />} />
      </Route>
      <Route element={<SignedIn />}>
        <Route index element={<Navigate to="/shoots" replace />} />
        <Route path="shoots" element={<ShootsPage />} />
        <Route path="shoots/:shootId" element={<ShootPage />} />
        <Route path="shoots/:shootId/report" element={<ReportPage />} />
        <Route path="marketplace" element={<MarketplacePage />} />
        <Route path="credits" element={<CreditsPage />} />
        <Route path="devices" element={<DevicesPage />} />
        <Route path="*" element={<NotFoundPage />} />
      </Route>
    </Routes>
  )
}
