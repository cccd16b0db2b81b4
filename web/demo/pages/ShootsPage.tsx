import { Page } from '../ui/Page.tsx'

export function ShootsPage() {
  return <Page title="Shoots" />
}
