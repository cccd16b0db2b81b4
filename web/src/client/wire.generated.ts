// Generated from the models in mqtt_bridge/ by `make generate`. Edit those, not this.

import { flag, list, nullable, oneOf, optional, type Parse, real, record, text, whole } from './parse.ts'

/** How far a shoot is. State: each message stands for itself, and the newest is enough. */
export interface ShootProgress {
  readonly shootId: string
  readonly status: 'queued' | 'processing' | 'completed' | 'failed'
  readonly processedCount: number
  readonly totalCount: number
  /** Name of the image being worked on. */
  readonly currentImage?: string
  /** Seconds until the shoot is expected to finish. */
  readonly eta?: number
  /** Who culls: a model or a service, as shown to the user. */
  readonly provider?: string
  /** Why the shoot failed, as shown to the user. */
  readonly error?: string
  /** Counts the attempts of a shoot; a higher run replaces everything of a lower one. */
  readonly run: number
  /** Orders the updates of a run: milliseconds since 1970, made strictly growing by the producer. */
  readonly sequence?: number
}

/** The balance changed; receivers show the new balance and may fetch the ledger, which is the truth. */
export interface CreditUpdate {
  /** Credits after the change: state, so a receiver that missed the last one is right again. */
  readonly newBalance: number
  /** What was added (positive) or spent (negative). */
  readonly change: number
  readonly reason: string
  /** The ledger's version; a balance with a lower one than is known is dropped. Always send it or never: without it the function's clock fills it, beside which every version is low. */
  readonly sequence?: number
}

/** Prompts of the marketplace changed; receivers refetch what they show. */
export interface PromptChange {
  /** The prompt; absent when many changed. */
  readonly promptId?: string
  readonly action: 'created' | 'updated' | 'deleted'
  readonly title?: string
}

/** A device's birth: it is online in this session. */
export interface DeviceConnected {
  readonly deviceId: string
  readonly name: string
  readonly platform: 'iphone' | 'ipad' | 'mac' | 'web' | 'windows' | 'android' | 'worker'
  readonly appVersion?: string
  /** Orders a device's presence: new for every CONNECT, growing. */
  readonly session: number
  /** The boot id of the broker that the device is connected to. */
  readonly epoch: string
}

/** A device left, or was lost. */
export interface DeviceDisconnected {
  readonly deviceId: string
  /** The session that ended. A receiver that knows a higher one ignores this message. */
  readonly session: number
  readonly reason: 'lost' | 'closed' | 'signed-out' | 'broker-restart'
}

/** Asks the bridge for a PONG, to measure the whole way and back. */
export interface Ping {
  /** The device's clock. */
  readonly sentAt: number
}

/** The answer to a PING. */
export interface Pong {
  /** As in the PING. */
  readonly sentAt: number
  /** The bridge's clock. */
  readonly receivedAt: number
}

/** The bridge took the message and the broker acknowledged its republication. */
export interface Ack {
  readonly inReplyTo: string
}

/** The bridge did not take the message. */
export interface ErrorReply {
  readonly code: string
  readonly detail: string
  /** Path of the wrong field, e.g. ``data.totalCount``. */
  readonly field?: string
  /** The message that this answers; null when its id could not be read. */
  readonly inReplyTo?: string
  /** False: the same message will be refused again. */
  readonly retryable: boolean
  readonly retryAfterMs?: number
}

/** One filter that a client subscribes to, with its maximum QoS. */
export interface TopicSubscription {
  readonly filter: string
  readonly qos: 0 | 1
}

/** The topics that a device writes to, and the one that ends a catch-up. */
export interface SessionTopics {
  readonly presence: string
  readonly ping: string
  readonly updateProgress: string
  readonly epoch: string
}

/** ``data`` of DEVICE_CONNECTED without what only the device knows. */
export interface BirthData {
  readonly deviceId: string
  readonly name: string
  readonly platform: 'iphone' | 'ipad' | 'mac' | 'web' | 'windows' | 'android' | 'worker'
  readonly appVersion?: string
}

/** DEVICE_CONNECTED without ``id``, ``timestamp``, ``data.session`` and ``data.epoch``. */
export interface BirthTemplate {
  readonly type: 'DEVICE_CONNECTED'
  readonly userId: string
  readonly deviceId: string
  readonly data: BirthData
}

/** ``data`` of DEVICE_DISCONNECTED without the session. */
export interface FarewellData {
  readonly deviceId: string
  readonly reason: 'lost' | 'closed' | 'signed-out' | 'broker-restart'
}

/** DEVICE_DISCONNECTED without ``id``, ``timestamp`` and ``data.session``. */
export interface FarewellTemplate {
  readonly type: 'DEVICE_DISCONNECTED'
  readonly userId: string
  readonly deviceId: string
  readonly data: FarewellData
}

/** The last will to register with the CONNECT. */
export interface WillTemplate {
  readonly topic: string
  readonly qos: 1
  readonly retain: true
  /** Seconds that the broker waits before it speaks for the device (MQTT 5 will delay interval). */
  readonly delay: number
  /** Seconds that the will stays retained, counted from when it fired (MQTT 5 message expiry interval). */
  readonly expiry: number
  readonly message: FarewellTemplate
}

/** The answer of ``POST /api/sync/session``. For the roles ``bridge`` and ``operator`` the user, device, topics, birth and will are null. */
export interface SessionAnswer {
  /** The MQTT password. A secret: whoever has it is this device until it expires. */
  readonly token: string
  /** Seconds from now. Renew at a random 70 to 90 % of it, by a clock that nobody can set. */
  readonly expiresIn: number
  /** The number of the first CONNECT with this token; each further CONNECT with it adds 1. */
  readonly session: number
  readonly userId?: string
  readonly deviceId?: string
  /** The MQTT client id; the broker takes no other with this token. */
  readonly clientId: string
  /** The MQTT user name; the broker takes no other with this token. */
  readonly username: string
  /** Brokers to connect to, best first: ``wss://``, ``ws://``, ``mqtts://`` or ``mqtt://``. */
  readonly urls: readonly string[]
  /** Seconds. */
  readonly keepalive: number
  /** Seconds that the broker keeps the session of a sleeping client (MQTT 5 session expiry interval). */
  readonly sessionExpiry: number
  /** As many QoS 1 messages before the epoch mean that the broker may have dropped some. */
  readonly queueLimit: number
  /** To subscribe to in this order on every connect. */
  readonly subscriptions: readonly TopicSubscription[]
  readonly topics?: SessionTopics
  readonly birth?: BirthTemplate
  readonly will?: WillTemplate
}

/** The body of ``POST /api/sync/session`` for a user's device. */
export interface SessionRequest {
  readonly deviceId: string
  readonly name: string
  readonly platform: 'iphone' | 'ipad' | 'mac' | 'web' | 'windows' | 'android' | 'worker'
  readonly appVersion?: string
  readonly userId: string
  /** The highest session number that the device knows of itself; the answer's is above it. */
  readonly lastSession?: number
}

export interface EnvelopeFields {
  /** Names the event. Receivers drop an id that they have seen. */
  readonly id: string
  /** When it happened, for display; nothing is ordered by it. */
  readonly timestamp: number
  /** Null: for everyone. */
  readonly userId: string | null
  /** The device it came from, where one is known. */
  readonly deviceId: string | null
}

/** `data` of each message type. */
export interface MessageData {
  SHOOT_PROGRESS: ShootProgress
  CREDIT_UPDATE: CreditUpdate
  PROMPT_CHANGE: PromptChange
  DEVICE_CONNECTED: DeviceConnected
  DEVICE_DISCONNECTED: DeviceDisconnected
  UPDATE_PROGRESS: ShootProgress
  PING: Ping
  PONG: Pong
  ACK: Ack
  ERROR: ErrorReply
}

export const parseShootProgress = record<ShootProgress>({
  shootId: text(/^[!"%-*,-.0-~]{1,128}$/),
  status: oneOf('queued', 'processing', 'completed', 'failed'),
  processedCount: whole(0),
  totalCount: whole(0),
  currentImage: optional(text(0, 1024)),
  eta: optional(real(0)),
  provider: optional(text(0, 200)),
  error: optional(text(0, 2000)),
  run: optional(whole(0), 0),
  sequence: optional(whole(0)),
})

export const parseCreditUpdate = record<CreditUpdate>({
  newBalance: whole(0),
  change: whole(-9007199254740991),
  reason: text(0, 200),
  sequence: optional(whole(0)),
})

export const parsePromptChange = record<PromptChange>({
  promptId: optional(text(1, 128)),
  action: oneOf('created', 'updated', 'deleted'),
  title: optional(text(0, 300)),
})

export const parseDeviceConnected = record<DeviceConnected>({
  deviceId: text(/^[!"%-*,-.0-9;-~]{1,128}$/),
  name: text(1, 100),
  platform: oneOf('iphone', 'ipad', 'mac', 'web', 'windows', 'android', 'worker'),
  appVersion: optional(text(0, 50)),
  session: whole(0),
  epoch: text(/^[!-~]{1,128}$/),
})

export const parseDeviceDisconnected = record<DeviceDisconnected>({
  deviceId: text(/^[!"%-*,-.0-9;-~]{1,128}$/),
  session: whole(0),
  reason: oneOf('lost', 'closed', 'signed-out', 'broker-restart'),
})

export const parsePing = record<Ping>({
  sentAt: whole(0),
})

export const parsePong = record<Pong>({
  sentAt: whole(0),
  receivedAt: whole(0),
})

export const parseAck = record<Ack>({
  inReplyTo: text(/^[!-~]{1,128}$/),
})

export const parseErrorReply = record<ErrorReply>({
  code: text(/^[a-z][a-z-]{0,63}$/),
  detail: text(0, 1000),
  field: optional(text(0, 200)),
  inReplyTo: optional(text(/^[!-~]{1,128}$/)),
  retryable: flag,
  retryAfterMs: optional(whole(0)),
})

export const parseTopicSubscription = record<TopicSubscription>({
  filter: text(),
  qos: oneOf(0, 1),
})

export const parseSessionTopics = record<SessionTopics>({
  presence: text(),
  ping: text(),
  updateProgress: text(),
  epoch: text(),
})

export const parseBirthData = record<BirthData>({
  deviceId: text(/^[!"%-*,-.0-9;-~]{1,128}$/),
  name: text(1, 100),
  platform: oneOf('iphone', 'ipad', 'mac', 'web', 'windows', 'android', 'worker'),
  appVersion: optional(text(0, 50)),
})

export const parseBirthTemplate = record<BirthTemplate>({
  type: oneOf('DEVICE_CONNECTED'),
  userId: text(/^[!"%-*,-.0-~]{1,128}$/),
  deviceId: text(/^[!"%-*,-.0-9;-~]{1,128}$/),
  data: parseBirthData,
})

export const parseFarewellData = record<FarewellData>({
  deviceId: text(/^[!"%-*,-.0-9;-~]{1,128}$/),
  reason: oneOf('lost', 'closed', 'signed-out', 'broker-restart'),
})

export const parseFarewellTemplate = record<FarewellTemplate>({
  type: oneOf('DEVICE_DISCONNECTED'),
  userId: text(/^[!"%-*,-.0-~]{1,128}$/),
  deviceId: text(/^[!"%-*,-.0-9;-~]{1,128}$/),
  data: parseFarewellData,
})

export const parseWillTemplate = record<WillTemplate>({
  topic: text(),
  qos: oneOf(1),
  retain: oneOf(true),
  delay: whole(0),
  expiry: whole(1),
  message: parseFarewellTemplate,
})

export const parseSessionAnswer = record<SessionAnswer>({
  token: text(),
  expiresIn: whole(1),
  session: whole(0),
  userId: optional(text(/^[!"%-*,-.0-~]{1,128}$/)),
  deviceId: optional(text(/^[!"%-*,-.0-9;-~]{1,128}$/)),
  clientId: text(),
  username: text(),
  urls: list(text(), 1),
  keepalive: whole(1, 65535),
  sessionExpiry: whole(0, 4294967295),
  queueLimit: whole(1),
  subscriptions: list(parseTopicSubscription, 0),
  topics: optional(parseSessionTopics),
  birth: optional(parseBirthTemplate),
  will: optional(parseWillTemplate),
})

export const parseEnvelope = record<EnvelopeFields>({
  id: text(/^[!-~]{1,128}$/),
  timestamp: whole(0),
  userId: nullable(text(/^[!"%-*,-.0-~]{1,128}$/)),
  deviceId: optional(nullable(text(/^[!"%-*,-.0-9;-~]{1,128}$/)), null),
})

export const parseData: { readonly [T in keyof MessageData]: Parse<MessageData[T]> } = {
  SHOOT_PROGRESS: parseShootProgress,
  CREDIT_UPDATE: parseCreditUpdate,
  PROMPT_CHANGE: parsePromptChange,
  DEVICE_CONNECTED: parseDeviceConnected,
  DEVICE_DISCONNECTED: parseDeviceDisconnected,
  UPDATE_PROGRESS: parseShootProgress,
  PING: parsePing,
  PONG: parsePong,
  ACK: parseAck,
  ERROR: parseErrorReply,
}

export const ID = /^[!"%-*,-.0-~]{1,128}$/
export const DEVICE_ID = /^[!"%-*,-.0-9;-~]{1,128}$/
