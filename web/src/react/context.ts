import { createContext, createElement, type ReactNode, useContext, useEffect } from 'react'
import type { SyncClient } from '../client/index.ts'

const SyncContext = createContext<SyncClient | null>(null)

export interface SyncProviderProps {
  readonly client: SyncClient
  readonly children?: ReactNode
}

/**
 * Hands a client to the hooks below, and connects it once it is on screen. The client owns the connection: it goes
 * on when this is taken off the screen, and `client.disconnect()` ends it.
 */
export function SyncProvider({ client, children }: SyncProviderProps): ReactNode {
  useEffect(() => client.connect(), [client])
  return createElement(SyncContext.Provider, { value: client }, children)
}

/** The client. Throws where there is no SyncProvider above. */
export function useSync(): SyncClient {
  const client = useContext(SyncContext)
  if (client === null) throw new Error('No SyncClient set, use SyncProvider to set one')
  return client
}
