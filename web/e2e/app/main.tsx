import { createSyncClient, httpSession, type SyncClient } from '@kull/sync'
import { SyncProvider, useDevices, useShootProgress, useSyncEvent, useSyncStatus } from '@kull/sync/react'
import { StrictMode, useState } from 'react'
import { createRoot } from 'react-dom/client'

declare global {
  interface Window {
    /** For the tests to look into. */
    sync: SyncClient
  }
}

const query = new URLSearchParams(location.search)
const userId = query.get('user') ?? ''
const id = query.get('device')

window.sync = createSyncClient({
  getSession: httpSession({ user: () => ({ userId, token: query.get('token') ?? '' }) }),
  device: { ...(id !== null && { id }) },
  keepAliveSec: 5,
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
