/** A user who is signed in, with the app's own access token. */
export interface User {
  readonly userId: string
  readonly name: string
  readonly token: string
}

/**
 * Why nobody is signed in. `nobody`: nobody has signed in yet, or the user left here. `elsewhere`: another device
 * signed this one out. `expired`: the backend takes the token no longer.
 */
export type SignedOutReason = 'nobody' | 'elsewhere' | 'expired'

export type SessionState =
  | { readonly user: User; readonly reason?: never }
  | { readonly user: null; readonly reason: SignedOutReason }

const KEY = 'kull-demo:session'
const NOBODY: SessionState = { user: null, reason: 'nobody' }

type SessionStorage = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>

/** Who is signed in, the same in all tabs of this browser. */
export class Session {
  readonly #storage: SessionStorage
  readonly #listeners = new Set<() => void>()
  #raw: string | null
  #state: SessionState

  constructor(storage: SessionStorage) {
    this.#storage = storage
    this.#raw = storage.getItem(KEY)
    this.#state = read(this.#raw)
  }

  getSnapshot = (): SessionState => this.#state

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  begin(user: User): void {
    this.#write(JSON.stringify({ user }))
  }

  /** Forgets the user. Does nothing when nobody is signed in, so that the first reason stays. */
  end(reason: SignedOutReason): void {
    if (this.#state.user === null) return
    this.#write(reason === 'nobody' ? null : JSON.stringify({ user: null, reason }))
  }

  /** What another tab wrote. Called on the window's `storage` event, which the writing tab itself does not get. */
  reload(): void {
    this.#set(this.#storage.getItem(KEY))
  }

  #write(raw: string | null): void {
    if (raw === null) this.#storage.removeItem(KEY)
    else this.#storage.setItem(KEY, raw)
    this.#set(raw)
  }

  #set(raw: string | null): void {
    if (raw === this.#raw) return
    this.#raw = raw
    this.#state = read(raw)
    for (const listener of this.#listeners) listener()
  }
}

/** Whatever is not a session as this version writes it is nobody's. */
function read(raw: string | null): SessionState {
  if (raw === null) return NOBODY
  try {
    const { user, reason } = JSON.parse(raw)
    if (reason === 'elsewhere' || reason === 'expired') return { user: null, reason }
    const { userId, name, token } = user
    if ([userId, name, token].every((part) => typeof part === 'string' && part !== ''))
      return { user: { userId, name, token } }
  } catch {
    // Written by another version, or by hand.
  }
  return NOBODY
}
