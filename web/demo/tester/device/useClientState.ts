import type { SyncClient, SyncState } from '@kull/sync'
import { useSyncExternalStore } from 'react'

const never = () => () => undefined
const none = () => null

/** Where a client stands. Null: there is none. */
export function useClientState(client: SyncClient | null): SyncState | null {
  return useSyncExternalStore<SyncState | null>(client?.subscribe ?? never, client?.getSnapshot ?? none)
}
