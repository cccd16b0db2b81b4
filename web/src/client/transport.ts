import type { TopicSubscription } from './wire.generated.ts'

/** How MQTT 5 gets to the broker and back. The one seam between this package and the network. */
export interface Transport {
  /**
   * Connects. Rejects with a SyncError, `link-refused` or `link-failed`, in bounded time; aborting rejects too.
   * Messages may be handed over before it resolves, because a broker sends what it queued at once.
   */
  connect(request: ConnectRequest, events: LinkEvents, signal: AbortSignal): Promise<Link>
}

export interface ConnectRequest {
  readonly url: string
  readonly clientId: string
  readonly username: string
  /** The token. A secret. */
  readonly password: string
  /** Seconds. */
  readonly keepalive: number
  readonly cleanStart: boolean
  /** Seconds (MQTT 5 session expiry interval). */
  readonly sessionExpiry: number
  readonly will: Will
}

export interface Will {
  readonly topic: string
  readonly payload: string
  /** Seconds (MQTT 5 will delay interval). */
  readonly delay: number
  /** Seconds (MQTT 5 message expiry interval). */
  readonly expiry: number
}

export interface Incoming {
  readonly topic: string
  readonly payload: Uint8Array
  readonly qos: 0 | 1 | 2
  readonly retain: boolean
  /** Seconds until the broker forgets the message. Null: never. */
  readonly expiresIn: number | null
  /** Of the subscriptions that it matched. */
  readonly subscriptionIds: readonly number[]
}

export interface LinkEvents {
  /** A message. It is acknowledged when this returns. */
  message(incoming: Incoming): void
  /** The connection is over; told once, and not when this side ended it. */
  lost(why: string, reasonCode?: number): void
}

export interface PublishRequest {
  readonly topic: string
  readonly payload: string
  readonly retain: boolean
  /** Seconds (MQTT 5 message expiry interval). */
  readonly expiry?: number
}

/** One connection. Promises reject with a SyncError when it is lost first. */
export interface Link {
  readonly sessionPresent: boolean
  /** Subscribes in this order, at one go. Resolves at the SUBACK; a refused filter rejects. */
  subscribe(subscriptions: readonly TopicSubscription[], identifier: number): Promise<void>
  /** Publishes at QoS 1. Resolves at the PUBACK; a refusal rejects. */
  publish(request: PublishRequest): Promise<void>
  /** Resolves when the broker answers a PINGREQ. */
  probe(): Promise<void>
  /** Says goodbye and ends the broker's session. Resolves when it is said. */
  end(): Promise<void>
  /**
   * Leaves before this returns, because a page that goes has no later: with DISCONNECT 0x04, so that the will
   * speaks; or, given a topic, by clearing what is retained there and ending the broker's session.
   */
  leave(clear: string | null): void
  /** Drops the connection without a word. */
  abort(): void
}
