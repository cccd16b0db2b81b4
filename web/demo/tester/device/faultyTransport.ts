import {
  type Clock,
  type ConnectRequest,
  type Link,
  type LinkEvents,
  SyncError,
  type Transport,
} from '@kull/sync'
import { ANSWER_TIMEOUT, FaultyLink } from './faultyLink.ts'

/**
 * - `cut`: the connection breaks, and no other can be made.
 * - `silent`: nothing arrives any more, and nobody is told. A device finds that out by itself.
 */
export type Fault = 'none' | 'cut' | 'silent'

/** The real transport, on a network that fails when it is told to. */
export class FaultyTransport implements Transport {
  readonly #real: Transport
  readonly #clock: Clock
  readonly #stricken = new Set<(fault: 'cut' | 'silent') => void>()
  #fault: Fault = 'none'

  constructor(real: Transport, clock: Clock) {
    this.#real = real
    this.#clock = clock
  }

  get fault(): Fault {
    return this.#fault
  }

  set fault(fault: Fault) {
    this.#fault = fault
    if (fault !== 'none') for (const strike of [...this.#stricken]) strike(fault)
  }

  async connect(request: ConnectRequest, events: LinkEvents, signal: AbortSignal): Promise<Link> {
    const link = this.#fault === 'none' ? await this.#connectUntilFault(request, events, signal) : null
    if (link !== null) return link
    if (this.#fault === 'silent') await this.#waitInVain(signal)
    throw new SyncError('link-failed', 'The network is gone (simulated)', { retryable: true })
  }

  /** Null: the fault came first. */
  async #connectUntilFault(
    request: ConnectRequest,
    events: LinkEvents,
    signal: AbortSignal,
  ): Promise<FaultyLink | null> {
    const failed = new AbortController()
    const fail = () => failed.abort()
    const link = new FaultyLink(request, events, this.#clock, () => this.#stricken.delete(link.strike))
    this.#stricken.add(fail)
    try {
      await link.open(this.#real, AbortSignal.any([signal, failed.signal]))
    } catch (error) {
      if (failed.signal.aborted && !signal.aborted) return null
      throw error
    } finally {
      this.#stricken.delete(fail)
    }
    this.#stricken.add(link.strike)
    return link
  }

  /** Rejects when the waiting is called off. */
  #waitInVain(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const stop = () => {
        cancel()
        reject(new SyncError('stopped', 'The connection was ended'))
      }
      const cancel = this.#clock.after(ANSWER_TIMEOUT, () => {
        signal.removeEventListener('abort', stop)
        resolve()
      })
      if (signal.aborted) stop()
      else signal.addEventListener('abort', stop, { once: true })
    })
  }
}
