export type { Backoff } from './backoff.ts'
export type { ResyncCause } from './catchUp.ts'
export { type Clock, createClock } from './clock.ts'
export { createSyncClient, getSyncClient } from './createSyncClient.ts'
export { SyncError, type SyncErrorCode } from './errors.ts'
export type { EventMeta, SyncEvents, SyncEventType, SyncHandler } from './events.ts'
export { type HttpSessionOptions, httpSession, type SignedIn } from './httpSession.ts'
export { lazyTransport } from './lazyTransport.ts'
export type { Identity } from './line.ts'
export type { Message, MessageType } from './messages.ts'
export type { DeviceOptions, Platform, SyncOptions } from './options.ts'
export type { Page } from './page.ts'
export type { DeviceState, ShootState } from './present.ts'
export type { DeviceRemoved } from './receive.ts'
export type { DeviceRequest, GetSession, SessionContext, SessionReason } from './session.ts'
export type { SyncState } from './state.ts'
export { MemoryStorage, type SyncStorage } from './storage.ts'
export type { SyncClient, View } from './syncClient.ts'
export type {
  ConnectRequest,
  Incoming,
  Link,
  LinkEvents,
  PublishRequest,
  Transport,
  Will,
} from './transport.ts'
export type { ShootUpdate } from './uplink.ts'
export type {
  CreditUpdate,
  DeviceConnected,
  DeviceDisconnected,
  MessageData,
  PromptChange,
  SessionAnswer,
  ShootProgress,
} from './wire.generated.ts'
