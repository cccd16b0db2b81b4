import type { Tabs } from './tabs.ts'

interface Leader {
  readonly lost: AbortController
  readonly tab: FakeTab
  end: () => void
}

interface Waiting {
  readonly tab: FakeTab
  readonly go: () => void
}

/** A browser with tabs, for tests: `tab()` is what one of them sees. */
export class FakeBrowser {
  readonly leaders = new Map<string, Leader>()
  readonly waiting = new Map<string, Set<Waiting>>()
  readonly tabs = new Set<FakeTab>()

  tab(): FakeTab {
    const tab = new FakeTab(this)
    this.tabs.add(tab)
    return tab
  }

  next(name: string): void {
    if (this.leaders.has(name)) return
    const [first] = this.waiting.get(name) ?? []
    first?.go()
  }
}

export class FakeTab implements Tabs {
  /** Runs no code for the time being; what it is told waits. */
  frozen = false
  readonly channels = new Map<string, Set<(note: unknown) => void>>()
  #closed = false
  readonly #browser: FakeBrowser
  readonly #missed: (() => void)[] = []

  constructor(browser: FakeBrowser) {
    this.#browser = browser
  }

  lead: Tabs['lead'] = (name, steal, signal, lead) => {
    const { leaders, waiting } = this.#browser
    return new Promise((over) => {
      if (this.#closed) return
      const go = () => {
        queue.delete(request)
        signal.removeEventListener('abort', withdraw)
        const lost = new AbortController()
        const term = { lost, tab: this, end: over }
        leaders.set(name, term)
        void lead({ lost: lost.signal, stillLeads: async () => leaders.get(name) === term }).then(() => {
          if (leaders.get(name) === term) leaders.delete(name)
          over()
          this.#browser.next(name)
        })
      }
      const withdraw = () => {
        queue.delete(request)
        over()
      }
      const queue = waiting.get(name) ?? new Set<Waiting>()
      waiting.set(name, queue)
      const request = { tab: this, go }
      if (steal) {
        const before = leaders.get(name)
        go()
        before?.tab.run(() => before.lost.abort())
        return
      }
      queue.add(request)
      signal.addEventListener('abort', withdraw)
      this.#browser.next(name)
    })
  }

  async awaited(name: string): Promise<boolean> {
    return (this.#browser.waiting.get(name)?.size ?? 0) > 0
  }

  channel(name: string, hear: (note: unknown) => void) {
    const own = this.channels.get(name) ?? new Set()
    this.channels.set(name, own)
    own.add(hear)
    return {
      post: (note: unknown) => {
        if (this.#closed) return
        for (const tab of this.#browser.tabs)
          for (const other of tab.channels.get(name) ?? [])
            if (other !== hear) tab.run(() => other(structuredClone(note)))
      },
      close: () => void own.delete(hear),
    }
  }

  /** Closed or crashed: it says nothing more, and its lead is free. */
  crash(): void {
    this.#closed = true
    this.#browser.tabs.delete(this)
    for (const queue of this.#browser.waiting.values())
      for (const request of queue) if (request.tab === this) queue.delete(request)
    for (const [name, leader] of this.#browser.leaders) {
      if (leader.tab !== this) continue
      this.#browser.leaders.delete(name)
      this.#browser.next(name)
    }
  }

  thaw(): void {
    this.frozen = false
    for (const missed of this.#missed.splice(0)) this.run(missed)
  }

  run(task: () => void): void {
    if (this.frozen) this.#missed.push(task)
    else queueMicrotask(task)
  }
}
