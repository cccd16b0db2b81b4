import { Alarm } from './alarm.ts'
import { Attachment, type AttachmentEvents } from './attachment.ts'
import { sleep } from './clock.ts'
import { SyncError } from './errors.ts'
import { History } from './history.ts'
import type { Lease } from './lease.ts'
import type { Identity, Line, LineEvents, UplinkMessage } from './line.ts'
import type { Settings } from './options.ts'
import { isRefusal, Retry } from './retry.ts'
import { type DeviceSession, sessionError } from './session.ts'
import { Sessions } from './sessions.ts'
import { Standing } from './standing.ts'
import { IDLE } from './state.ts'
import { RESEND_AFTER } from './uplink.ts'

/** Milliseconds between two refreshes: a broker drops copies of the present for a reader that is slow. */
const REFRESH_EVERY = 300_000
/** Milliseconds between two looks at the clock. */
const TICK = 15_000
/** Milliseconds that a tick may take too long before the machine is thought to have slept. */
const ASLEEP = 10_000

export interface Device {
  readonly id: string
  /** A guest: nobody is to find it again. */
  readonly ephemeral: boolean
}

/** What a connection begins with. */
export interface Beginning {
  readonly history: History
  /** Who it was until now, where another tab has held the connection. */
  readonly identity: Identity | null
  /** Another tab has held the connection until now: coming back into it is nobody's business. */
  readonly resumed: boolean
  /** Whether the connection is still this tab's to make. Asked before each CONNECT. */
  readonly mayConnect: () => Promise<boolean>
}

/** The beginning of a connection that no other tab shares. */
export function alone(settings: Settings, deviceId: string): Beginning {
  const history = new History(settings.storage, deviceId)
  return { history, identity: null, resumed: false, mayConnect: async () => true }
}

/**
 * Keeps one device connected: one loop, one way to a token. It comes back by itself, for ever, after whatever
 * went wrong; it stops when there is no session to be had or the device was signed out.
 */
export class Connection implements Line {
  readonly #settings: Settings
  readonly #device: Device
  readonly #events: LineEvents
  readonly #alarm: Alarm
  readonly #sessions: Sessions
  readonly #retry: Retry
  readonly #standing: Standing
  readonly #history: History
  readonly #mayConnect: () => Promise<boolean>
  #identity: Identity | null
  /** The connection that holds the broker's session, as long as it lives. */
  #attached: Attachment | null = null
  #running: AbortController | null = null
  /** A connect is under way that will take over the broker's session. */
  #takingOver = false
  /** Somebody waits for it: the next try comes at once. */
  #hurry = false
  /** The page was left. */
  #suspended = false

  constructor(settings: Settings, device: Device, events: LineEvents, beginning: Beginning) {
    const { clock, backoff, random, graceMs } = settings
    this.#settings = settings
    this.#device = device
    this.#events = events
    this.#alarm = new Alarm(clock)
    this.#sessions = new Sessions(settings, device.id)
    this.#retry = new Retry(backoff, random)
    this.#standing = new Standing(clock, graceMs, (state) => events.state(state), beginning.resumed)
    this.#history = beginning.history
    this.#identity = beginning.identity
    this.#mayConnect = beginning.mayConnect
  }

  start(): void {
    if (this.#running !== null) return
    const { page } = this.#settings
    const running = new AbortController()
    const { signal } = running
    this.#running = running
    this.#suspended = this.#hurry = false
    this.#sessions.drop('connect')
    this.#retry.reset()
    for (const undo of [page.onWake(() => this.wake()), page.onLeave(() => this.#leavePage())])
      signal.addEventListener('abort', undo)
    void this.#watchClock(signal)
    void this.#run(signal)
  }

  async stop(reason: 'closed' | 'signed-out'): Promise<void> {
    const attached = this.#end()
    if (reason === 'signed-out') this.#forget()
    this.#standing.ended(reason === 'closed' ? IDLE : { status: 'disconnected', reason, error: null })
    await attached?.leave(reason)
  }

  /** Leaves the broker's session to another tab of this device, without a word. */
  handOver(): void {
    this.#end()?.suspend()
  }

  wake(): void {
    if (this.#running === null) return
    if (this.#suspended)
      this.#standing.lost(new SyncError('link-failed', 'The page was left', { retryable: true }))
    this.#suspended = false
    this.#hurry = true
    this.#alarm.ring()
    const attached = this.#attached
    if (attached === null || !this.#standing.inStep) return
    void attached.refresh(this.#settings.probeTimeoutMs).then(() => {
      if (attached.alive) this.#hurry = false
    })
  }

  async publish(message: UplinkMessage): Promise<void> {
    const topics = this.#sessions.lease?.session.topics
    if (this.#attached === null || topics === undefined || !this.#standing.inStep)
      throw new SyncError('not-connected', 'There is no connection', { retryable: true })
    await this.#attached.publish({
      topic: message.type === 'PING' ? topics.ping : topics.updateProgress,
      payload: JSON.stringify(message),
      retain: false,
      expiry: RESEND_AFTER / 1000,
    })
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        this.#standing.trying()
        const lease = await this.#usableLease(signal)
        if (!(await this.#mayConnect())) return
        signal.throwIfAborted()
        const attached = await this.#attach(lease, signal)
        await this.#hold(attached, lease, signal)
      } catch (thrown) {
        if (signal.aborted) return
        const error = sessionError(thrown)
        if (!error.retryable) return this.#giveUp(error)
        await this.#pause(error, signal)
      }
    }
  }

  async #usableLease(signal: AbortSignal): Promise<Lease> {
    const { lease, fresh } = await this.#sessions.usable(
      this.#attached !== null,
      this.#history.lastSession,
      signal,
    )
    if (fresh && !signal.aborted) await this.#meet(lease.session)
    signal.throwIfAborted()
    return lease
  }

  /** Another user than before: the one before leaves, and nothing of it stays. */
  async #meet({ userId, deviceId }: DeviceSession): Promise<void> {
    const before = this.#identity
    if (before?.userId === userId && before.deviceId === deviceId) return
    if (before !== null) {
      const attached = this.#attached
      this.#attached = null
      this.#standing.lost(new SyncError('stopped', 'Another user is signed in'))
      this.#history.clear()
      await attached?.leave('signed-out')
    }
    this.#identity = Object.freeze({ userId, deviceId })
    this.#events.identity(this.#identity)
    if (before !== null) this.#events.resync('new-user')
  }

  async #attach(lease: Lease, signal: AbortSignal): Promise<Attachment> {
    const { clock, keepAliveSec, transport } = this.#settings
    const { ephemeral } = this.#device
    const options = {
      lease,
      history: this.#history,
      clock,
      keepalive: Math.min(keepAliveSec, lease.session.keepalive),
      ephemeral,
      // Within one life of the page also a guest has something to come back to.
      cleanStart: ephemeral && this.#history.firstSession === undefined,
    }
    const next: Attachment = new Attachment(
      options,
      this.#hearing(() => next),
    )
    this.#takingOver = true
    try {
      await next.connect(transport, signal)
    } catch (error) {
      if (error instanceof SyncError && error.code === 'link-failed') lease.tryNextUrl()
      this.#takingOver = false
      if (this.#attached?.alive === false) this.#lost(this.#attached, await this.#attached.over)
      throw error
    }
    this.#takingOver = false
    if (signal.aborted) next.abort()
    signal.throwIfAborted()
    // The new connection has taken over the session; what the old one has not acknowledged comes again.
    const old = this.#attached
    this.#attached = next
    old?.abort()
    if (this.#suspended) next.suspend()
    void next.over.then((why) => {
      // A broker ends the old connection before it welcomes the new one: nobody is to see that. Why it ended is
      // not always told, because mqtt.js drops a DISCONNECT that arrives together with the socket's end.
      if (!this.#takingOver) this.#lost(next, why)
    })
    return next
  }

  #lost(attached: Attachment, why: SyncError): void {
    if (this.#attached !== attached) return
    this.#attached = null
    if (!this.#suspended) this.#standing.lost(why)
    // Where a renewal waits for its next try, coming back goes first.
    this.#alarm.ring()
  }

  #hearing(self: () => Attachment): AttachmentEvents {
    return {
      message: (message, delivery) => this.#events.message(message, delivery),
      report: (error) => this.#events.report(error),
      caughtUp: (missed, origin) => {
        if (this.#attached !== self()) return
        this.#hurry = false
        this.#standing.connected()
        if (missed !== null) this.#events.resync(missed)
        this.#events.ready(origin)
      },
    }
  }

  /** Resolves when it is time to connect with a new token; rejects with why the connection is over. */
  async #hold(attached: Attachment, lease: Lease, signal: AbortSignal): Promise<void> {
    const { clock, probeTimeoutMs } = this.#settings
    const since = clock.now()
    let refreshAt = since + REFRESH_EVERY
    while (attached.alive && !signal.aborted && !lease.isDue(clock.now())) {
      const due = Math.min(lease.renewAt, refreshAt)
      await this.#alarm.wait(Math.max(0, due - clock.now()), signal)
      if (clock.now() < refreshAt) continue
      refreshAt = clock.now() + REFRESH_EVERY
      void attached.refresh(probeTimeoutMs)
    }
    this.#retry.held(clock.now() - since)
    if (!attached.alive) throw await attached.over
  }

  async #pause(error: SyncError, signal: AbortSignal): Promise<void> {
    const attached = this.#attached
    const fresh = this.#sessions.lease?.connects === 1
    if (error.code === 'outbid') this.#sessions.drop('outbid')
    if (isRefusal(error)) this.#sessions.drop('refused')
    const delay = this.#hurry ? 0 : this.#retry.delayAfter(error, fresh)
    this.#hurry = false
    if (attached === null && !this.#suspended) this.#standing.lost(error)
    this.#standing.waiting(error, delay)
    // A page that was left must not connect again; when it is back, the alarm rings.
    await this.#alarm.wait(this.#suspended ? Number.POSITIVE_INFINITY : delay, signal)
    if (attached === null || attached.alive || this.#hurry || signal.aborted) return
    // The connection that was to be renewed has gone meanwhile; that has a wait of its own.
    await this.#pause(await attached.over, signal)
  }

  /** There is no use in trying again. */
  #giveUp(error: SyncError): void {
    const attached = this.#end()
    this.#forget()
    const reason = error.code === 'signed-out' ? 'signed-out' : 'unauthorized'
    this.#standing.ended({ status: 'disconnected', reason, error })
    void attached?.leave('signed-out')
  }

  #end(): Attachment | null {
    this.#running?.abort()
    this.#running = null
    const attached = this.#attached
    this.#attached = null
    return attached
  }

  #forget(): void {
    this.#history.clear()
    this.#identity = null
  }

  #leavePage(): void {
    // Not told as a loss: in other tabs, which go on without this one, it would flicker.
    this.#suspended = true
    this.#attached?.suspend()
  }

  async #watchClock(signal: AbortSignal): Promise<void> {
    const { clock } = this.#settings
    while (!signal.aborted) {
      const before = clock.now()
      await sleep(clock, TICK, signal)
      if (clock.now() - before > TICK + ASLEEP) this.wake()
    }
  }
}
