import { createSyncClient, httpSession, type SignedIn, type SyncClient } from '@kull/sync'
import { ShootProgress, SyncEffects, SyncIndicator, Toasts, useToasts } from '@kull/sync/components'
import {
  SyncProvider,
  useDevices,
  useResync,
  useShootProgress,
  useSyncEvent,
  useSyncStatus,
} from '@kull/sync/react'
import { StrictMode, useEffect, useState } from 'react'
import { createRoot } from 'react-dom/client'

declare global {
  interface Window {
    /** For the tests to look into. */
    sync: SyncClient
    /** Every status so far. */
    statuses: string[]
    /** Why sessions were asked for. */
    asked: string[]
    /** Who is signed in to the app, which a test may change. */
    signedIn: SignedIn | null
    /** Seconds that the next sessions are said to last, where a test says so. */
    lifetime: number | null
    /** Prompt changes, each with how it came. */
    heard: string[]
    /** Why something may have been missed. */
    resyncs: string[]
    /** How often the progress was drawn. */
    renders: number
    /** Shoots that finished, each with how it came. */
    finished: string[]
    /** When updates came, where a test listens. */
    updates: number[]
    /** Texts of toasts. */
    toasts: string[]
    /** How often the balance was to be fetched. */
    balances: number
    /** When a timer of the page's own fired last, where a test set one. */
    ticked: number
    /** What broke the page's policy. */
    violations: string[]
  }
}

const query = new URLSearchParams(location.search)
window.signedIn = { userId: query.get('user') ?? '', token: query.get('token') ?? '' }
window.lifetime = query.has('lifetime') ? Number(query.get('lifetime')) : null
window.asked = []
window.statuses = []
window.heard = []
window.resyncs = []
window.finished = []
window.toasts = []
window.renders = window.balances = 0
window.violations = []
document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
  window.violations.push(`${violatedDirective} ${blockedURI}`),
)

const fetchSession = httpSession({ user: () => window.signedIn })
window.sync = createSyncClient({
  async getSession(context) {
    window.asked.push(context.reason)
    const answer = await fetchSession(context)
    return answer && window.lifetime !== null ? { ...answer, expiresIn: window.lifetime } : answer
  },
  keepAliveSec: Number(query.get('keepalive') ?? 5),
  ...(query.has('alone') && { tabs: null }),
})
window.sync.subscribe(() => {
  const { status } = window.sync.getSnapshot()
  if (window.statuses.at(-1) !== status) window.statuses.push(status)
})

function App() {
  const state = useSyncStatus()
  const devices = useDevices()
  const { toasts, show, dismiss } = useToasts()
  const [titles, setTitles] = useState<readonly string[]>([])
  useSyncEvent('PROMPT_CHANGE', ({ data }, { replayed }) => {
    window.heard.push(`${data.title}${replayed ? ' replayed' : ''}`)
    setTitles((known) => [...known, data.title ?? ''])
  })
  useResync(({ cause }) => window.resyncs.push(cause))
  return (
    <>
      <p data-testid="status">{state.status}</p>
      <p data-testid="reason">{state.status === 'disconnected' && state.reason}</p>
      <p data-testid="devices">{devices.filter(({ online }) => online).length}</p>
      <p data-testid="titles">{titles.join(', ')}</p>
      <Progress />
      <SyncIndicator />
      <ShootProgress
        shootId="wedding"
        onFinished={({ status, run }, { replayed }) =>
          window.finished.push(`${status} ${run}${replayed ? ' replayed' : ''}`)
        }
      />
      <SyncEffects
        balance={() => {
          window.balances += 1
        }}
        toast={(toast) => {
          window.toasts.push(toast.text)
          show(toast)
        }}
      />
      <Toasts data-testid="toasts" toasts={toasts} onDismiss={dismiss} />
    </>
  )
}

function Progress() {
  const progress = useShootProgress('wedding')
  useEffect(() => {
    window.renders += 1
  })
  return <p data-testid="progress">{progress?.processedCount ?? 'none'}</p>
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
