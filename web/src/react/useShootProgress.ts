import { useCallback, useSyncExternalStore } from 'react'
import type { ShootState } from '../client/index.ts'
import { useSync } from './context.ts'

/** How far a shoot is, renewed at most ten times a second. Null: this device has not heard of it. */
export function useShootProgress(shootId: string): ShootState | null {
  const { shoots } = useSync()
  const subscribe = useCallback(
    (listener: () => void) => shoots.subscribeTo(shootId, listener),
    [shoots, shootId],
  )
  return useSyncExternalStore(subscribe, () => shoots.get(shootId) ?? null, nothing)
}

/** What a server knows of a shoot. */
const nothing = () => null
