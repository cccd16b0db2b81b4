import { CatchUp, type ResyncCause } from './catchUp.ts'
import { type Clock, within } from './clock.ts'
import { SyncError } from './errors.ts'
import type { History, Origin } from './history.ts'
import type { Lease } from './lease.ts'
import { readOwnPresence } from './presence.ts'
import { type Received, receive } from './receive.ts'
import type { Incoming, Link, PublishRequest, Transport } from './transport.ts'

/** Milliseconds that the epoch may take after the last SUBACK. */
const EPOCH_TIMEOUT = 5000
/** Milliseconds that saying goodbye may take. */
export const GOODBYE_TIMEOUT = 3000
const MAX_SUBSCRIPTION_ID = 268_435_455
const EPOCH = /^[!-~]{1,128}$/

/** How a message came. */
export interface Delivery {
  /** It was sent while this device was away, and the broker kept it. */
  readonly replayed: boolean
  /** The present as the broker keeps it, not news. */
  readonly retained: boolean
  /** Seconds until the broker forgets it. Null: never. */
  readonly expiresIn: number | null
}

export interface AttachmentEvents {
  message(message: Received, delivery: Delivery): void
  /** A message was dropped. */
  report(error: SyncError): void
  /** All that was queued has come. `missed` says why the app must fetch anew all the same. */
  caughtUp(missed: ResyncCause | null, origin: Origin): void
}

export interface AttachmentOptions {
  readonly lease: Lease
  readonly history: History
  readonly clock: Clock
  /** Seconds. */
  readonly keepalive: number
  /** Not to be found again: the broker forgets it when it goes, and so do the other devices. */
  readonly ephemeral: boolean
  /** Begin without what an earlier connection may have left. */
  readonly cleanStart: boolean
}

/** One connection of a device, from its CONNECT on: catching up, announcing itself, staying in step, leaving. */
export class Attachment {
  /** Why it ended. Does not reject. */
  readonly over: Promise<SyncError>
  readonly #end: (why: SyncError) => void
  readonly #options: AttachmentOptions
  readonly #events: AttachmentEvents
  readonly #session: number
  readonly #knownEpoch: string | null
  readonly #catchUp: CatchUp
  readonly #marked: Promise<void>
  #mark: () => void = () => undefined
  #link: Link | null = null
  #alive = true
  #refreshing: Promise<void> | null = null

  constructor(options: AttachmentOptions, events: AttachmentEvents) {
    this.#options = options
    this.#events = events
    const { lease, history } = options
    this.#knownEpoch = history.epoch
    this.#session = lease.nextSession()
    history.add(this.#session)
    this.#catchUp = new CatchUp(lease.session.queueLimit)
    this.#marked = new Promise((resolve) => {
      this.#mark = resolve
    })
    let end: (why: SyncError) => void = () => undefined
    this.over = new Promise((resolve) => {
      end = resolve
    })
    this.#end = (why) => {
      this.#alive = false
      end(why)
    }
  }

  get alive(): boolean {
    return this.#alive
  }

  /** Connects into the device's session at the broker. Rejects with a SyncError. */
  async connect(transport: Transport, signal: AbortSignal): Promise<void> {
    const { lease, clock, keepalive, cleanStart, ephemeral } = this.#options
    const { clientId, username, token, sessionExpiry } = lease.session
    const will = lease.will(this.#session, clock.date())
    this.#link = await transport.connect(
      {
        url: lease.url,
        clientId,
        username,
        password: token,
        keepalive,
        cleanStart,
        sessionExpiry,
        // An empty payload removes the device (PROTOCOL.md, Presence).
        will: ephemeral ? { ...will, payload: '' } : will,
      },
      {
        message: (incoming) => this.#hear(incoming),
        lost: (why, reasonCode) =>
          this.#end(
            new SyncError('link-failed', why, {
              retryable: true,
              ...(reasonCode !== undefined && { reasonCode }),
            }),
          ),
      },
      signal,
    )
    void this.#getInStep(this.#link)
  }

  /** Looks whether the broker is still there, and fetches the retained present again. One at a time. */
  refresh(probeTimeoutMs: number): Promise<void> {
    this.#refreshing ??= this.#refresh(probeTimeoutMs).finally(() => {
      this.#refreshing = null
    })
    return this.#refreshing
  }

  async #refresh(probeTimeoutMs: number): Promise<void> {
    const link = this.#link
    if (link === null || !this.#alive) return
    try {
      const late = () => new SyncError('link-failed', 'The broker does not answer', { retryable: true })
      await within(this.#options.clock, probeTimeoutMs, link.probe(), late)
      await this.#subscribe(link)
    } catch (error) {
      this.#fail(error)
    }
  }

  /** Resolves at the PUBACK. Rejects with a SyncError. */
  async publish(request: PublishRequest): Promise<void> {
    if (this.#link === null || !this.#alive)
      throw new SyncError('not-connected', 'There is no connection', { retryable: true })
    await this.#link.publish(request)
  }

  /** Says goodbye (null: it was said) and ends the broker's session. When that takes too long, the will speaks. */
  async leave(reason: 'closed' | 'signed-out' | null): Promise<void> {
    const link = this.#link
    const wasAlive = this.#alive
    this.#end(new SyncError('stopped', 'The client left'))
    if (link === null || !wasAlive) return
    try {
      const late = () => new SyncError('timed-out', 'The goodbye took too long')
      await within(this.#options.clock, GOODBYE_TIMEOUT, this.#sayGoodbye(link, reason), late)
    } catch {
      link.abort()
    }
  }

  /** The page goes, perhaps to come back: the will speaks unless it does; a guest just goes. Done on return. */
  suspend(): void {
    this.#end(new SyncError('link-failed', 'The page was left', { retryable: true }))
    const { lease, ephemeral } = this.#options
    this.#link?.leave(ephemeral ? lease.session.topics.presence : null)
  }

  /** Drops the connection: another one has taken over its session, or it does not answer. */
  abort(): void {
    this.#end(new SyncError('link-failed', 'The connection was dropped', { retryable: true }))
    this.#link?.abort()
  }

  #fail(error: unknown): void {
    this.#end(
      error instanceof SyncError
        ? error
        : new SyncError('link-failed', 'The connection failed', { retryable: true, cause: error }),
    )
    this.#link?.abort()
  }

  async #sayGoodbye(link: Link, reason: 'closed' | 'signed-out' | null): Promise<void> {
    const { lease, clock, ephemeral } = this.#options
    if (reason !== null) await this.#publishPresence(link, lease.goodbye(this.#session, reason, clock.date()))
    if (ephemeral) await this.#publishPresence(link, '')
    await link.end()
  }

  async #getInStep(link: Link): Promise<void> {
    const { clock, history } = this.#options
    try {
      await this.#subscribe(link)
      await within(clock, EPOCH_TIMEOUT, this.#marked, () => new Error('no epoch')).catch(() => undefined)
    } catch (error) {
      return this.#fail(error)
    }
    if (!this.#alive) return
    this.#events.caughtUp(
      this.#catchUp.resyncCause({
        sessionPresent: link.sessionPresent,
        knownEpoch: this.#knownEpoch,
        announced: history.announced,
      }),
      { session: this.#session, epoch: this.#catchUp.epoch },
    )
  }

  #subscribe(link: Link): Promise<void> {
    return link.subscribe(this.#options.lease.session.subscriptions, this.#subscriptionId)
  }

  /** Tells this connection's marker from one that was still queued from the connection before. */
  get #subscriptionId(): number {
    return 1 + (this.#session % MAX_SUBSCRIPTION_ID)
  }

  async #announce(): Promise<void> {
    const { lease, clock } = this.#options
    const epoch = this.#catchUp.epoch
    if (epoch === null || this.#link === null || !this.#alive) return
    try {
      await this.#publishPresence(this.#link, lease.birth(this.#session, epoch, clock.date()))
    } catch (error) {
      if (this.#alive) this.#fail(error)
    }
  }

  #publishPresence(link: Link, payload: string): Promise<void> {
    const { topics, will } = this.#options.lease.session
    return link.publish({ topic: topics.presence, payload, retain: true, expiry: will.expiry })
  }

  #hear(incoming: Incoming): void {
    if (!this.#alive) return
    const { topics } = this.#options.lease.session
    if (incoming.topic === topics.epoch) return this.#hearEpoch(incoming)
    if (incoming.qos && !incoming.retain) this.#catchUp.countQueued()
    let message: Received
    try {
      message = receive(incoming.topic, incoming.payload)
    } catch (error) {
      if (error instanceof SyncError) return this.#events.report(error)
      throw error
    }
    if (incoming.topic === topics.presence) this.#hearOfItself(message, incoming)
    const resumed = this.#link === null || this.#link.sessionPresent
    this.#events.message(message, {
      replayed: resumed && !incoming.retain && !this.#catchUp.complete,
      retained: incoming.retain,
      expiresIn: incoming.expiresIn,
    })
  }

  #hearEpoch({ retain, subscriptionIds, payload }: Incoming): void {
    const ours = subscriptionIds.length === 0 || subscriptionIds.includes(this.#subscriptionId)
    const epoch = new TextDecoder().decode(payload)
    if (!retain || !ours || !EPOCH.test(epoch) || !this.#catchUp.mark(epoch)) return
    this.#options.history.epoch = epoch
    this.#mark()
    void this.#announce()
  }

  #hearOfItself(message: Received, incoming: Incoming): void {
    if (message.type !== 'DEVICE_CONNECTED' && message.type !== 'DEVICE_DISCONNECTED') return
    const { session } = message.data
    const { history } = this.#options
    if (incoming.retain && !this.#catchUp.complete) this.#catchUp.ownSession = session
    switch (
      readOwnPresence(message, {
        session: this.#session,
        firstSession: history.firstSession ?? this.#session,
      })
    ) {
      case 'announce-again':
        void this.#announce()
        break
      case 'outbid':
        history.outbidBy(session)
        this.#fail(
          new SyncError('outbid', 'Another connection of this device came later', { retryable: true }),
        )
        break
      case 'signed-out':
        this.#end(new SyncError('signed-out', 'This device was signed out'))
        // Without the will, which would say that it was lost.
        void this.#link?.end()
        break
      case 'fine':
    }
  }
}
