/** The life of the page that the client runs in. */
export interface Page {
  /** Whether somebody may be looking at it. */
  readonly visible: boolean
  /** Calls back when the page comes back to somebody: it may have slept. Returns what ends it. */
  onWake(listener: () => void): () => void
  /** Calls back when the page goes: what is done must be done before the callback returns. */
  onLeave(listener: () => void): () => void
}

/** The browser's page. Where there is none, as on a server, it neither wakes nor leaves. */
export const browserPage: Page = {
  get visible() {
    return typeof document !== 'undefined' && document.visibilityState === 'visible'
  },
  onWake(listener) {
    if (typeof document === 'undefined') return () => undefined
    const whenVisible = () => {
      if (document.visibilityState === 'visible') listener()
    }
    return listen([
      [document, 'visibilitychange', whenVisible],
      [window, 'focus', listener],
      [window, 'online', listener],
      // Also from the back-forward cache, where the page was frozen with its connection closed.
      [window, 'pageshow', listener],
    ])
  },
  onLeave(listener) {
    return typeof window === 'undefined' ? () => undefined : listen([[window, 'pagehide', listener]])
  },
}

function listen(wanted: readonly (readonly [EventTarget, string, () => void])[]): () => void {
  for (const [target, type, listener] of wanted) target.addEventListener(type, listener)
  return () => {
    for (const [target, type, listener] of wanted) target.removeEventListener(type, listener)
  }
}

/** A page that a test wakes and leaves. */
export class FakePage implements Page {
  visible = true
  readonly #wake = new Set<() => void>()
  readonly #leave = new Set<() => void>()

  onWake(listener: () => void): () => void {
    this.#wake.add(listener)
    return () => this.#wake.delete(listener)
  }

  onLeave(listener: () => void): () => void {
    this.#leave.add(listener)
    return () => this.#leave.delete(listener)
  }

  wake(): void {
    for (const listener of this.#wake) listener()
  }

  leave(): void {
    for (const listener of this.#leave) listener()
  }
}
