import type { SyncState } from '../client/index.ts'
import type { SyncIndicatorLabels } from './labels.ts'

/** What to call a state. */
export function stateLabel(
  state: SyncState,
  shown: SyncState['status'],
  labels: SyncIndicatorLabels,
): string {
  if (state.status === 'disconnected' && state.reason === 'signed-out') return labels.signedOut
  if (state.status === 'disconnected' && state.reason === 'unauthorized') return labels.unauthorized
  return labels[shown]
}
