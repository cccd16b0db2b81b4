import {
  type Clock,
  type ConnectRequest,
  type Link,
  type LinkEvents,
  type PublishRequest,
  SyncError,
  type Transport,
} from '@kull/sync'

/** Milliseconds that a device waits for an answer, as the real transport does. */
export const ANSWER_TIMEOUT = 10_000

/** A real connection that can break, or fall silent. */
export class FaultyLink implements Link {
  readonly #request: ConnectRequest
  readonly #events: LinkEvents
  readonly #clock: Clock
  readonly #over: () => void
  readonly #waiting = new Set<(error: SyncError) => void>()
  #real: Link | null = null
  #state: 'up' | 'silent' | 'over' = 'up'
  #cancelTimers: (() => void)[] = []

  constructor(request: ConnectRequest, events: LinkEvents, clock: Clock, over: () => void) {
    this.#request = request
    this.#events = events
    this.#clock = clock
    this.#over = over
  }

  /** Connects. To be called once, before all else. */
  async open(transport: Transport, signal: AbortSignal): Promise<void> {
    const events: LinkEvents = {
      message: (incoming) => this.#state === 'up' && this.#events.message(incoming),
      lost: (why, reasonCode) => this.#state === 'up' && this.#lose(why, reasonCode),
    }
    this.#real = await transport.connect(this.#request, events, signal)
  }

  /**
   * A network that drops packets cannot be had inside of a page: what is received is acknowledged before it gets
   * here. So the real connection is dropped in both cases, and the broker sees that at once; falling silent, it is
   * this device that is not told.
   */
  strike = (fault: 'cut' | 'silent'): void => {
    if (this.#state === 'over') return
    if (fault === 'cut') return this.#lose('The network was cut (simulated)')
    if (this.#state === 'silent') return
    this.#state = 'silent'
    this.#real?.abort()
    // As MQTT libraries do that get no answer to their signs of life.
    this.#loseAfter(this.#request.keepalive * 1500)
  }

  get sessionPresent(): boolean {
    return this.#real?.sessionPresent ?? false
  }

  subscribe(...args: Parameters<Link['subscribe']>): Promise<void> {
    return this.#ask((real) => real.subscribe(...args))
  }

  publish(request: PublishRequest): Promise<void> {
    return this.#ask((real) => real.publish(request))
  }

  probe(): Promise<void> {
    return this.#ask((real) => real.probe())
  }

  async end(): Promise<void> {
    const wasUp = this.#state === 'up'
    this.#finish(new SyncError('stopped', 'The connection was ended'))
    if (wasUp) await this.#real?.end()
  }

  leave(clear: string | null): void {
    const wasUp = this.#state === 'up'
    this.#finish(new SyncError('stopped', 'The page was left'))
    if (wasUp) this.#real?.leave(clear)
  }

  abort(): void {
    this.#finish(new SyncError('stopped', 'The connection was ended'))
    this.#real?.abort()
  }

  #ask(request: (real: Link) => Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      const real = this.#real
      if (real === null || this.#state === 'over')
        return reject(new SyncError('not-connected', 'There is no connection', { retryable: true }))
      this.#waiting.add(reject)
      if (this.#state === 'silent') return this.#loseAfter(ANSWER_TIMEOUT)
      const answered = (settle: () => void) => {
        // What was under way when silence fell gets no answer either, not even that it failed.
        if (this.#state === 'silent') return this.#loseAfter(ANSWER_TIMEOUT)
        this.#waiting.delete(reject)
        settle()
      }
      request(real).then(
        () => answered(resolve),
        (error) => answered(() => reject(error)),
      )
    })
  }

  #loseAfter(ms: number): void {
    this.#cancelTimers.push(this.#clock.after(ms, () => this.#lose('The broker does not answer')))
  }

  #lose(why: string, reasonCode?: number): void {
    if (this.#state === 'over') return
    const details = { retryable: true, ...(reasonCode !== undefined && { reasonCode }) }
    this.#finish(new SyncError('link-failed', why, details))
    this.#real?.abort()
    this.#events.lost(why, reasonCode)
  }

  #finish(error: SyncError): void {
    this.#state = 'over'
    for (const cancel of this.#cancelTimers.splice(0)) cancel()
    for (const reject of this.#waiting) reject(error)
    this.#waiting.clear()
    this.#over()
  }
}
