import { SyncError } from './errors.ts'
import type { SyncOptions } from './options.ts'
import { SyncClient } from './syncClient.ts'

/** A client of its own: for tests, and for several users in one page. It does nothing until `connect()`. */
export function createSyncClient(options: SyncOptions): SyncClient {
  return new SyncClient(options)
}

const SHARED = Symbol.for('@kull/sync')

/**
 * The client of this page: the same one for every caller, also after a module was replaced while the page runs.
 * The first call makes it, and needs options; those of later calls count for nothing.
 */
export function getSyncClient(options?: SyncOptions): SyncClient {
  const page = globalThis as { [SHARED]?: SyncClient }
  const known = page[SHARED]
  if (known !== undefined) return known
  if (options === undefined)
    throw new SyncError('invalid-option', 'The first call of getSyncClient needs options', {
      field: 'options',
    })
  const client = createSyncClient(options)
  page[SHARED] = client
  return client
}
