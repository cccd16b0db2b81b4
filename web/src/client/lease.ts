import { newId } from './messages.ts'
import type { DeviceSession } from './session.ts'
import type { Will } from './transport.ts'
import type { DeviceConnected, DeviceDisconnected } from './wire.generated.ts'

/** Shares of the token's life between which it is renewed, at random, so that devices do not come at once. */
const RENEW_FROM = 0.7
const RENEW_TO = 0.9
/** The next answer's session is higher by at least this, so a token may be used for so many connects. */
const SESSION_STEP = 1000

/** A session answer in use: which number the next CONNECT bears, and when to ask for another answer. */
export class Lease {
  connects = 0
  /** When to renew, by the steady clock. */
  readonly renewAt: number
  readonly #expiresAt: number
  #url = 0

  /** `askedAt` is from before the request, so that nothing here is later than the broker reckons. */
  constructor(
    readonly session: DeviceSession,
    { askedAt, random }: { readonly askedAt: number; readonly random: number },
  ) {
    const life = session.expiresIn * 1000
    this.renewAt = askedAt + life * (RENEW_FROM + random * (RENEW_TO - RENEW_FROM))
    this.#expiresAt = askedAt + life
  }

  /** Whether the broker would take no further CONNECT with this token. */
  isSpent(now: number): boolean {
    return now >= this.#expiresAt || this.connects >= SESSION_STEP
  }

  isDue(now: number): boolean {
    return now >= this.renewAt
  }

  /** The number of the next CONNECT. Taken even when that fails: the broker may have seen it. */
  nextSession(): number {
    return this.session.session + this.connects++
  }

  /** The broker to connect to. The answer is for any client; here only WebSocket is a way. Empty: it names none. */
  get url(): string {
    const urls = this.session.urls.filter((url) => /^ws/.test(url))
    return urls[this.#url % urls.length] ?? ''
  }

  /** This broker could not be reached: the next one's turn. */
  tryNextUrl(): void {
    this.#url += 1
  }

  birth(session: number, epoch: string, timestamp: number): string {
    const { data, ...envelope } = this.session.birth
    return fill(envelope, timestamp, { ...data, session, epoch } satisfies DeviceConnected)
  }

  goodbye(session: number, reason: DeviceDisconnected['reason'], timestamp: number): string {
    const { data, ...envelope } = this.session.will.message
    return fill(envelope, timestamp, { ...data, session, reason } satisfies DeviceDisconnected)
  }

  /** The last will of the connection with this number. */
  will(session: number, timestamp: number): Will {
    const { topic, delay, expiry, message } = this.session.will
    return { topic, delay, expiry, payload: this.goodbye(session, message.data.reason, timestamp) }
  }
}

function fill(envelope: object, timestamp: number, data: object): string {
  return JSON.stringify({ ...envelope, id: newId(), timestamp, data })
}
