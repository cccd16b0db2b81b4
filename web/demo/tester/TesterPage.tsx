import { Page } from '../ui/Page.tsx'

export default function TesterPage() {
  return (
    <Page title="Tester">
      <p>Connect as any device and see what it is told.</p>
    </Page>
  )
}
