import type { SyncClient, SyncState } from '../client/index.ts'
import { useSync } from './context.ts'
import { useSyncStatus } from './useSyncStatus.ts'

/** The old name, for apps that come from a WebSocket client of their own. New code takes the other hooks. */
export function useWebSocket(): {
  readonly isConnected: boolean
  readonly state: SyncState
  readonly client: SyncClient
} {
  const client = useSync()
  const state = useSyncStatus()
  return { isConnected: state.status === 'connected', state, client }
}
