import { useSyncExternalStore } from 'react'
import type { SyncState } from '../client/index.ts'
import { useSync } from './context.ts'

/** Where the connection stands. */
export function useSyncStatus(): SyncState {
  const client = useSync()
  return useSyncExternalStore(client.subscribe, client.getSnapshot, client.getSnapshot)
}
