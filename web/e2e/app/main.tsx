import { createSyncClient, httpSession, type SyncClient } from '@kull/sync'
import { SyncProvider, useDevices, useShootProgress, useSyncEvent, useSyncStatus } from '@kull/sync/react'
import { StrictMode, useState } from 'react'
import { createRoot } from 'react-dom/client'

declare global {
  interface Window {
    /** For the tests to look into. */
    sync: SyncClient
    /** Every status so far. */
    statuses: string[]
  }
}

const query = new URLSearchParams(location.search)
const userId = query.get('user') ?? ''
window.sync = createSyncClient({
  getSession: httpSession({ user: () => ({ userId, token: query.get('token') ?? '' }) }),
  keepAliveSec: 5,
  ...(query.has('alone') && { tabs: null }),
})
window.statuses = []
window.sync.subscribe(() => {
  const { status } = window.sync.getSnapshot()
  if (window.statuses.at(-1) !== status) window.statuses.push(status)
})

function App() {
  const { status } = useSyncStatus()
  const progress = useShootProgress('wedding')
  const devices = useDevices()
  const [titles, setTitles] = useState<readonly string[]>([])
  useSyncEvent('PROMPT_CHANGE', ({ data }) => setTitles((known) => [...known, data.title ?? '']))
  return (
    <dl>
      <dd data-testid="status">{status}</dd>
      <dd data-testid="progress">{progress?.processedCount ?? 'none'}</dd>
      <dd data-testid="devices">{devices.filter(({ online }) => online).length}</dd>
      <dd data-testid="titles">{titles.join(', ')}</dd>
    </dl>
  )
}

const root = document.getElementById('root')
if (root === null) throw new Error('The page has no root')
createRoot(root).render(
  <StrictMode>
    <SyncProvider client={window.sync}>
      <App />
    </SyncProvider>
  </StrictMode>,
)
