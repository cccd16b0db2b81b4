import type { EventMeta } from '@kull/sync'

/** Message types that a device is told of, and beside them what becomes of the connection, and what was sent. */
export const ENTRY_TYPES = [
  'SHOOT_PROGRESS',
  'CREDIT_UPDATE',
  'PROMPT_CHANGE',
  'DEVICE_CONNECTED',
  'DEVICE_DISCONNECTED',
  'DEVICE_REMOVED',
  'state',
  'session',
  'resync',
  'sent',
  'error',
] as const
export type EntryType = (typeof ENTRY_TYPES)[number]

/** Something that happened. */
export interface NewEntry {
  /** Where it happened, e.g. `Device 1`. */
  readonly source: string
  readonly type: EntryType
  /** In a few words. */
  readonly summary: string
  /** How a message came about. */
  readonly meta?: EventMeta
  /** All of it, ready for JSON. */
  readonly data: unknown
}

export interface Entry extends NewEntry {
  /** Grows from 1. */
  readonly id: number
  /** Milliseconds since 1970. */
  readonly at: number
}
