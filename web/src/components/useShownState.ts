import type { SyncState } from '../client/index.ts'
import { useSyncStatus } from '../react/index.ts'

export interface ShownState {
  readonly state: SyncState
  /** A connection that is lost for less than the grace period still counts as connected: a blip shows nothing. */
  readonly shown: SyncState['status']
}

/** Where the connection stands, as it is shown to people. */
export function useShownState(): ShownState {
  const state = useSyncStatus()
  const blip = state.status === 'reconnecting' && !state.prolonged
  return { state, shown: blip ? 'connected' : state.status }
}
