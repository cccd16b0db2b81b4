import { Page } from '../ui/Page.tsx'

export function CreditsPage() {
  return <Page title="Credits" />
}
