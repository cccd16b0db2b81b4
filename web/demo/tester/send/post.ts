import type { Fault } from './body.ts'
import { isRecord } from './fields.ts'

/** What became of a message. */
export interface Outcome {
  readonly ok: boolean
  /** In a few words, e.g. `202 Accepted`. */
  readonly title: string
  /** Milliseconds until the answer. */
  readonly ms: number
  readonly facts: Readonly<Record<string, string>>
  /** What is wrong with what was sent. */
  readonly faults: readonly Fault[]
  /** All of the answer, ready for JSON. */
  readonly answer: unknown
}

export interface PostOptions {
  /** Null: sent without one. */
  readonly token: string | null
  /** Empty: sent without one. */
  readonly idempotencyKey: string
  readonly fetch?: typeof fetch
}

/** Milliseconds. */
const TIMEOUT = 15_000

/** Posts a message as any caller of the functions does. Does not reject. */
export async function post(route: string, body: object, options: PostOptions): Promise<Outcome> {
  const { token, idempotencyKey, fetch = globalThis.fetch } = options
  const began = performance.now()
  const since = () => Math.round(performance.now() - began)
  try {
    const response = await fetch(route, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        ...(token !== null && { Authorization: `Bearer ${token}` }),
        ...(idempotencyKey !== '' && { 'Idempotency-Key': idempotencyKey }),
      },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT),
    })
    const text = await response.text()
    return { ...readAnswer(response, text), ms: since() }
  } catch (error) {
    const late = error instanceof DOMException && error.name === 'TimeoutError'
    const title = late ? 'No answer came in time' : 'The functions cannot be reached'
    return { ok: false, title, ms: since(), facts: {}, faults: [], answer: null }
  }
}

function readAnswer({ ok, status }: Response, text: string): Omit<Outcome, 'ms'> {
  const answer = parse(text)
  const document = isRecord(answer) ? answer : {}
  const { title, errors } = document
  const faults = Array.isArray(errors) ? errors.filter(isFault) : []
  // The detail of a problem is for those who do not look at each fault.
  const failed = faults.length > 0 ? ['type'] : ['detail', 'type']
  const shown = ok ? ['listeners', 'id'] : failed
  return {
    ok,
    title: ok ? `${status} Accepted` : `${status} ${typeof title === 'string' ? title : 'Refused'}`,
    facts: Object.fromEntries(
      shown.flatMap((name) => (typeof document[name] === 'string' ? [[name, document[name]]] : [])),
    ),
    faults,
    answer,
  }
}

function isFault(value: unknown): value is Fault {
  return isRecord(value) && typeof value.field === 'string' && typeof value.detail === 'string'
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
