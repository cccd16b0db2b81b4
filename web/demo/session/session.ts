/** A user who is signed in, with the app's own access token. */
export interface User {
  readonly userId: string
  readonly name: string
  readonly token: string
}

/**
 * Why nobody is signed in here. `nobody`: nobody has signed in yet, or the user left, in this tab. `elsewhere`: another
 * tab or another device did it. `expired`: the backend takes the token no longer.
 */
export type SignedOutReason = 'nobody' | 'elsewhere' | 'expired'

export type SessionState =
  | { readonly user: User; readonly reason?: never }
  | { readonly user: null; readonly reason: SignedOutReason }

const KEY = 'kull-demo:user'

type SessionStorage = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>

/** Who is signed in, the same in all tabs of this browser. Why nobody is, each tab knows for itself. */
export class Session {
  readonly #storage: SessionStorage
  readonly #listeners = new Set<() => void>()
  #state: SessionState

  constructor(storage: SessionStorage) {
    this.#storage = storage
    this.#state = stateOf(this.#stored(), 'nobody')
  }

  getSnapshot = (): SessionState => this.#state

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  begin(user: User): void {
    this.#storage.setItem(KEY, JSON.stringify(user))
    this.#set({ user })
  }

  /**
   * Forgets the user. Does nothing when nobody is signed in, so that the first reason stays. A tab that slept may learn
   * late that its user is out: whoever signed in since then, in another tab, is the user of this one as well.
   */
  end(reason: SignedOutReason): void {
    const { user } = this.#state
    if (user === null) return
    if (this.#stored()?.token === user.token) this.#storage.removeItem(KEY)
    this.#set(stateOf(this.#stored(), reason))
  }

  /** What another tab did. Called on the window's `storage` event, which the writing tab itself does not get. */
  reload(): void {
    const user = this.#stored()
    if (user?.token !== this.#state.user?.token) this.#set(stateOf(user, 'elsewhere'))
  }

  #stored(): User | null {
    const raw = this.#storage.getItem(KEY)
    return raw === null ? null : read(raw)
  }

  #set(state: SessionState): void {
    this.#state = state
    for (const listener of this.#listeners) listener()
  }
}

function stateOf(user: User | null, otherwise: SignedOutReason): SessionState {
  return user === null ? { user, reason: otherwise } : { user }
}

/** Whatever is not a user as this version writes one is nobody. */
function read(raw: string): User | null {
  try {
    const { userId, name, token } = JSON.parse(raw)
    if ([userId, name, token].every((part) => typeof part === 'string' && part !== ''))
      return { userId, name, token }
  } catch {
    // Written by another version, or by hand.
  }
  return null
}
