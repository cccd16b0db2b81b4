import { Page } from '../ui/Page.tsx'

export function ShootPage() {
  return <Page title="Shoot" />
}
