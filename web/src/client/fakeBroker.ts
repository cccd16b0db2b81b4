import type { Clock } from './clock.ts'
import { SyncError } from './errors.ts'
import { newId } from './messages.ts'
import type { SessionContext } from './session.ts'
import type { ConnectRequest, Incoming, Link, LinkEvents, PublishRequest, Transport } from './transport.ts'
import type { SessionAnswer, TopicSubscription } from './wire.generated.ts'

interface Session {
  readonly clientId: string
  filters: Map<string, { readonly qos: 0 | 1; readonly identifier: number }>
  readonly queue: Incoming[]
  live: { readonly request: ConnectRequest; readonly events: LinkEvents } | null
  cancelWill: (() => void) | null
}

interface Stored {
  readonly payload: string
  readonly expiry: number | null
}

/** A broker in memory, as far as a client can tell: sessions, retained messages, wills, the epoch. For tests. */
export class FakeBroker implements Transport {
  epoch: string | null = 'epoch-1'
  /** The reason code of its CONNACKs, where it refuses. */
  refuses: number | null = null
  reachable = true
  /** Connections are up and nothing is answered. */
  mute = false
  /** Each CONNECT, refused ones included. */
  readonly connects: ConnectRequest[] = []
  /** What clients published. */
  readonly published: PublishRequest[] = []
  /** Called with each of these, to answer as the bridge does. */
  onPublish: (request: PublishRequest) => void = () => undefined
  probes = 0
  subscribes = 0
  readonly retained = new Map<string, Stored>()
  readonly #sessions = new Map<string, Session>()
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** How many connections are up. */
  get connections(): number {
    return [...this.#sessions.values()].filter(({ live }) => live !== null).length
  }

  get sessions(): number {
    return this.#sessions.size
  }

  async connect(request: ConnectRequest, events: LinkEvents, signal: AbortSignal): Promise<Link> {
    this.connects.push(request)
    if (!this.reachable) throw new SyncError('link-failed', 'unreachable', { retryable: true })
    if (this.refuses !== null)
      throw new SyncError('link-refused', 'refused', { retryable: true, reasonCode: this.refuses })
    if (signal.aborted) throw new SyncError('stopped', 'aborted')
    const known = request.cleanStart ? undefined : this.#sessions.get(request.clientId)
    const before = this.#sessions.get(request.clientId)?.live
    const session: Session = known ?? {
      clientId: request.clientId,
      filters: new Map(),
      queue: [],
      live: null,
      cancelWill: null,
    }
    session.cancelWill?.()
    session.live = { request, events }
    this.#sessions.set(request.clientId, session)
    before?.events.lost('taken over', 0x8e)
    for (const queued of session.queue.splice(0)) events.message(queued)
    return this.#link(session, session.live, known !== undefined)
  }

  /** Publishes as the functions do. */
  publish(topic: string, payload: string, { retain = false, expiry = null as number | null } = {}): void {
    if (retain && payload === '') this.retained.delete(topic)
    else if (retain) this.retained.set(topic, { payload, expiry })
    for (const session of this.#sessions.values())
      for (const [filter, { qos, identifier }] of session.filters)
        if (matches(filter, topic))
          this.#deliver(session, incoming(topic, payload, qos, false, expiry, identifier))
  }

  /** Breaks every connection, as a network does. */
  cut(): void {
    for (const session of this.#sessions.values()) this.#drop(session)
  }

  /** Crashes and comes back: without sessions, with another epoch, and no will was said. */
  restart(epoch: string): void {
    const sessions = [...this.#sessions.values()]
    this.#sessions.clear()
    this.epoch = epoch
    for (const { live } of sessions) live?.events.lost('restart')
  }

  /** A `getSession` whose tokens last `expiresIn` seconds. */
  getSession(userId: string, { expiresIn = 3600, queueLimit = 1000 } = {}) {
    return async ({ request }: SessionContext): Promise<SessionAnswer> => {
      const { lastSession = 0, ...data } = request
      const { birth, ...answer } = sessionAnswer(userId, request.deviceId, {
        session: Math.max(this.#clock.date(), lastSession + 1000),
        expiresIn,
        queueLimit,
      })
      return { ...answer, ...(birth && { birth: { ...birth, data } }) }
    }
  }

  #link(session: Session, live: Session['live'], sessionPresent: boolean): Link {
    const answer = async (): Promise<void> => {
      if (this.mute) await new Promise(() => undefined)
      if (session.live !== live)
        throw new SyncError('link-failed', 'The connection broke', { retryable: true })
    }
    const end = () => {
      if (session.live !== live) return
      session.live = null
      if (this.#sessions.get(session.clientId) === session) this.#sessions.delete(session.clientId)
    }
    return {
      sessionPresent,
      subscribe: async (subscriptions, identifier) => {
        await answer()
        this.subscribes += 1
        this.#subscribe(session, subscriptions, identifier)
      },
      publish: async (request) => {
        await answer()
        this.published.push(request)
        this.publish(request.topic, request.payload, {
          retain: request.retain,
          expiry: request.expiry ?? null,
        })
        this.onPublish(request)
      },
      probe: async () => {
        this.probes += 1
        await answer()
      },
      end: async () => end(),
      leave: (clear) => {
        if (session.live !== live) return
        if (clear === null) return this.#drop(session)
        end()
        this.publish(clear, '', { retain: true })
      },
      abort: () => {
        if (session.live === live) this.#drop(session)
      },
    }
  }

  #subscribe(session: Session, subscriptions: readonly TopicSubscription[], identifier: number): void {
    for (const { filter, qos } of subscriptions) {
      session.filters.set(filter, { qos, identifier })
      for (const [topic, { payload, expiry }] of this.retained)
        if (matches(filter, topic))
          this.#deliver(session, incoming(topic, payload, qos, true, expiry, identifier))
      if (filter === EPOCH && this.epoch !== null)
        this.#deliver(session, incoming(EPOCH, this.epoch, 1, true, null, identifier))
    }
  }

  #deliver(session: Session, message: Incoming): void {
    if (session.live !== null) session.live.events.message(message)
    else if (message.qos > 0) session.queue.push(message)
  }

  #drop(session: Session): void {
    const { live } = session
    if (live === null) return
    session.live = null
    const { topic, payload, delay, expiry } = live.request.will
    session.cancelWill = this.#clock.after(delay * 1000, () =>
      this.publish(topic, payload, { retain: true, expiry }),
    )
    live.events.lost('cut')
  }
}

const EPOCH = 'sync/v1/all/epoch'

function incoming(
  topic: string,
  payload: string,
  qos: 0 | 1,
  retain: boolean,
  expiresIn: number | null,
  identifier: number,
): Incoming {
  return {
    topic,
    payload: new TextEncoder().encode(payload),
    qos,
    retain,
    expiresIn,
    subscriptionIds: [identifier],
  }
}

function matches(filter: string, topic: string): boolean {
  const levels = topic.split('/')
  const wanted = filter.split('/')
  return wanted.length === levels.length && wanted.every((level, i) => level === '+' || level === levels[i])
}

/** What the session function answers for a device. */
export function sessionAnswer(
  userId: string,
  deviceId: string,
  { session = 1_790_000_000_000, expiresIn = 3600, queueLimit = 1000 } = {},
): SessionAnswer {
  const own = `sync/v1/users/${userId}`
  const presence = `${own}/devices/${deviceId}`
  return {
    token: `token-${newId()}`,
    expiresIn,
    session,
    userId,
    deviceId,
    clientId: `${userId}:${deviceId}`,
    username: userId,
    urls: ['ws://broker-1', 'ws://broker-2'],
    keepalive: 30,
    sessionExpiry: 86_400,
    queueLimit,
    subscriptions: [
      { filter: `${own}/events/shoots/+`, qos: 0 },
      { filter: `${own}/devices/+`, qos: 0 },
      { filter: `${own}/events/credits`, qos: 1 },
      { filter: `${own}/events/prompts`, qos: 1 },
      { filter: `${own}/inbox/${deviceId}`, qos: 1 },
      { filter: 'sync/v1/all/prompts', qos: 1 },
      { filter: EPOCH, qos: 1 },
    ],
    topics: {
      presence,
      ping: `sync/v1/uplink/0/${userId}/${deviceId}/ping`,
      updateProgress: `sync/v1/uplink/0/${userId}/${deviceId}/update-progress`,
      epoch: EPOCH,
    },
    birth: {
      type: 'DEVICE_CONNECTED',
      userId,
      deviceId,
      data: { deviceId, name: 'Browser', platform: 'web' },
    },
    will: {
      topic: presence,
      qos: 1,
      retain: true,
      delay: 5,
      expiry: 2_592_000,
      message: { type: 'DEVICE_DISCONNECTED', userId, deviceId, data: { deviceId, reason: 'lost' } },
    },
  }
}
