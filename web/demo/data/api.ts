/** The backend did not do what was asked. */
export class ApiError extends Error {
  override readonly name = 'ApiError'

  constructor(
    message: string,
    /** HTTP status. 0: there was no answer. */
    readonly status: number,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}

export interface ApiOptions {
  readonly token?: string
  /** Told when the token is taken no longer. */
  readonly onUnauthorized?: () => void
  /** Milliseconds that the backend has to answer. Default: 10,000. */
  readonly timeoutMs?: number
  readonly fetch?: typeof fetch
}

/** Calls the backend, which is this page's own origin, as one user. */
export class Api {
  readonly #options: ApiOptions

  constructor(options: ApiOptions = {}) {
    this.#options = options
  }

  get<T>(path: string, signal?: AbortSignal): Promise<T> {
    return this.#send('GET', path, undefined, signal)
  }

  post<T>(path: string, body: object = {}): Promise<T> {
    return this.#send('POST', path, body)
  }

  patch<T>(path: string, body: object): Promise<T> {
    return this.#send('PATCH', path, body)
  }

  async delete(path: string): Promise<void> {
    await this.#send('DELETE', path)
  }

  async #send<T>(method: string, path: string, body?: object, signal?: AbortSignal): Promise<T> {
    const { token, onUnauthorized, timeoutMs = 10_000, fetch = globalThis.fetch } = this.#options
    const timeout = AbortSignal.timeout(timeoutMs)
    let response: Response
    let text: string
    try {
      response = await fetch(path, {
        method,
        headers: {
          ...(token !== undefined && { Authorization: `Bearer ${token}` }),
          ...(body !== undefined && { 'Content-Type': 'application/json' }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      })
      text = await response.text()
    } catch (cause) {
      if (signal?.aborted) throw cause
      const message = timeout.aborted
        ? 'The server takes too long to answer.'
        : 'The server cannot be reached.'
      throw new ApiError(message, 0, { cause })
    }
    if (response.ok) return parse(text) as T
    if (response.status === 401) onUnauthorized?.()
    throw new ApiError(complaint(text) ?? `The server answered ${response.status}.`, response.status)
  }
}

/** What the problem document (RFC 9457) says, if it is one. */
function complaint(text: string): string | null {
  const problem = parse(text)
  if (typeof problem !== 'object' || problem === null) return null
  const { detail, title } = problem as { detail?: unknown; title?: unknown }
  return [detail, title].find((part): part is string => typeof part === 'string' && part !== '') ?? null
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
