import { useEffect } from 'react'
import type { EventMeta, ResyncCause, SyncEvents, SyncEventType, SyncHandler } from '../client/index.ts'
import { useSync } from './context.ts'
import { useNewest } from './useNewest.ts'

/** Calls `handler`, always the newest one, with each event of this type while this is on screen and enabled. */
export function useSyncEvent<T extends SyncEventType>(
  type: T,
  handler: SyncHandler<T>,
  { enabled = true }: { readonly enabled?: boolean } = {},
): void {
  const client = useSync()
  const newest = useNewest(handler)
  useEffect(() => {
    if (!enabled) return
    return client.on(type, (event: SyncEvents[T], meta: EventMeta) => newest.current(event, meta))
  }, [client, type, enabled, newest])
}

/** Calls `handler` when something may have been missed: fetch what is shown again, after a random 0 to 10 s. */
export function useResync(handler: (event: { readonly cause: ResyncCause }) => void): void {
  const client = useSync()
  const newest = useNewest(handler)
  useEffect(() => client.onResync((event) => newest.current(event)), [client, newest])
}
