/** How the tabs of a browser find each other. */
export interface Tabs {
  /**
   * Runs `lead` once no other tab leads under this name, or at once when stealing. It leads until its promise
   * resolves, its `lost` is aborted because another tab stole the lead, or the tab is closed. Aborting `signal`
   * takes back a wait. Resolves when it is over, one way or the other.
   */
  lead(name: string, steal: boolean, signal: AbortSignal, lead: (term: Term) => Promise<void>): Promise<void>
  /** Whether other tabs wait to lead. */
  awaited(name: string): Promise<boolean>
  channel(name: string, hear: (note: unknown) => void): Channel
}

export interface Term {
  readonly lost: AbortSignal
  /** Whether this tab leads still. A tab that was frozen may not know yet that it lost the lead. */
  stillLeads(): Promise<boolean>
}

export interface Channel {
  /** To every other tab. */
  post(note: unknown): void
  close(): void
}

/** The tabs of this browser. Null: it cannot tell them apart. */
export function browserTabs(): Tabs | null {
  if (typeof document === 'undefined' || !navigator.locks) return null
  try {
    // Missing in old browsers; Firefox has it throw where the user forbids a site to store anything.
    new BroadcastChannel('').close()
  } catch {
    return null
  }
  const { locks } = navigator
  const holder = async (name: string) =>
    (await locks.query()).held?.find((held) => held.name === name)?.clientId
  return {
    async lead(name, steal, signal, lead) {
      const lost = new AbortController()
      try {
        await locks.request(name, steal ? { steal } : { signal }, async () => {
          const self = await holder(name)
          await lead({ lost: lost.signal, stillLeads: async () => (await holder(name)) === self })
        })
      } catch (error) {
        // Taken back, or stolen.
        lost.abort()
        if (error instanceof Error && error.name === 'AbortError') return
        // Locks are forbidden here, as in a sandboxed frame: then there are no other tabs to mind.
        await lead({ lost: new AbortController().signal, stillLeads: async () => true })
      }
    },
    awaited: async (name) => (await locks.query()).pending?.some((waiting) => waiting.name === name) ?? false,
    channel(name, hear) {
      const channel = new BroadcastChannel(name)
      channel.onmessage = ({ data }) => hear(data)
      return { post: (note) => channel.postMessage(note), close: () => channel.close() }
    },
  }
}
