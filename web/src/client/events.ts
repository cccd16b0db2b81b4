import type { Message } from './messages.ts'
import type { DeviceRemoved } from './receive.ts'

/** What an app can be told, by type. */
export interface SyncEvents {
  SHOOT_PROGRESS: Message<'SHOOT_PROGRESS'>
  CREDIT_UPDATE: Message<'CREDIT_UPDATE'>
  PROMPT_CHANGE: Message<'PROMPT_CHANGE'>
  DEVICE_CONNECTED: Message<'DEVICE_CONNECTED'>
  DEVICE_DISCONNECTED: Message<'DEVICE_DISCONNECTED'>
  DEVICE_REMOVED: DeviceRemoved
}

export type SyncEventType = keyof SyncEvents

/** How an event came about. */
export interface EventMeta {
  /** It was sent while this device was away, and the broker kept it. */
  readonly replayed: boolean
  /** The present as the broker keeps it, not news. */
  readonly retained: boolean
  /** It began at this device: an echo. */
  readonly self: boolean
}

export type SyncHandler<T extends SyncEventType> = (event: SyncEvents[T], meta: EventMeta) => void
