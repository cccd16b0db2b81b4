import { Page } from '../ui/Page.tsx'

export function MarketplacePage() {
  return <Page title="Marketplace" />
}
