import { useEffect } from 'react'
import type { SyncClient } from '../client/index.ts'
import { useSync } from '../react/index.ts'
import { useNewest } from '../react/useNewest.ts'
import { SYNC_EFFECTS_LABELS, type SyncEffectsLabels } from './labels.ts'
import { Merged } from './merged.ts'

/** Something to show for a moment. */
export type SyncToast = {
  /** A toast replaces one with the same key that still shows. */
  readonly key: string
  readonly text: string
} & (
  | { readonly kind: 'credits'; readonly newBalance: number; readonly change: number }
  | { readonly kind: 'devices'; readonly deviceIds: readonly string[] }
)

export interface SyncEffectsProps {
  /**
   * Fetches the balance again. Called when it changed, or may have: after 0 to 10 s where all devices may have been told
   * so at once, and in a hidden tab when it is seen again. Calls are merged, and do not overlap when it returns a promise.
   */
  readonly balance?: () => unknown
  /** Fetches what is shown of the marketplace again. As `balance`. */
  readonly marketplace?: () => unknown
  /** Shows a toast. One for a burst; none for what was missed, and none for what this device did itself. */
  readonly toast?: (toast: SyncToast) => void
  readonly labels?: Partial<SyncEffectsLabels>
}

/** Milliseconds in which events of a kind count as one. */
const BURST = 500
/** Milliseconds over which the devices of everyone spread their requests (PROTOCOL.md, Topics). */
const SPREAD = 10_000

/** Keeps an app in step with what happens elsewhere. Renders nothing; put it once below the SyncProvider. */
export function SyncEffects(props: SyncEffectsProps): null {
  const client = useSync()
  const newest = useNewest(props)
  useEffect(() => follow(client, () => newest.current), [client, newest])
  return null
}

/** Returns what ends it. */
function follow(client: SyncClient, props: () => SyncEffectsProps): () => void {
  const { clock, page, random } = client.seams
  const unseen = new Set<Merged>()
  const refetch = (fetch: () => unknown) => {
    const merged: Merged = new Merged(clock, () => (page.visible ? fetch() : unseen.add(merged)))
    return merged
  }
  const balance = refetch(() => props().balance?.())
  const marketplace = refetch(() => props().marketplace?.())
  const words = () => ({ ...SYNC_EFFECTS_LABELS, ...props().labels })

  let credits: { readonly newBalance: number; readonly change: number } | null = null
  const creditToast = new Merged(clock, () => {
    if (credits === null) return
    const { newBalance, change } = credits
    credits = null
    props().toast?.({
      key: 'credits',
      kind: 'credits',
      newBalance,
      change,
      text: words().credits(newBalance, change),
    })
  })

  const arrived = new Map<string, string>()
  const deviceToast = new Merged(clock, () => {
    const devices = [...arrived]
    arrived.clear()
    if (devices.length === 0) return
    const deviceIds = devices.map(([id]) => id)
    const text = words().devices(devices.map(([, name]) => name))
    props().toast?.({ key: `devices ${deviceIds.join(' ')}`, kind: 'devices', deviceIds, text })
  })

  const undo = [
    client.on('CREDIT_UPDATE', ({ data }, { replayed, retained, self }) => {
      balance.within(BURST)
      if (replayed || retained || self) return
      credits = { newBalance: data.newBalance, change: data.change + (credits?.change ?? 0) }
      creditToast.within(BURST)
    }),
    // Also for this device's own: its other tabs show the marketplace too.
    client.on('PROMPT_CHANGE', ({ userId }) =>
      marketplace.within(userId === null ? random() * SPREAD : BURST),
    ),
    client.on('DEVICE_CONNECTED', ({ data }, { replayed, retained, self }) => {
      if (replayed || retained || self) return
      arrived.set(data.deviceId, data.name)
      deviceToast.within(BURST)
    }),
    client.on('DEVICE_DISCONNECTED', ({ data }) => void arrived.delete(data.deviceId)),
    client.onResync(({ cause }) => {
      const other = cause === 'new-user'
      if (other) {
        // What was about to be told is the business of the user before.
        credits = null
        arrived.clear()
      }
      // What is on screen is another user's: that cannot wait, and happens to one page alone.
      const wait = other ? 0 : random() * SPREAD
      balance.within(wait)
      marketplace.within(wait)
    }),
  ]
  // What nobody sees is fetched when somebody does.
  const onWake = () => {
    if (!page.visible) return
    for (const merged of unseen) merged.within(0)
    unseen.clear()
  }
  undo.push(page.onWake(onWake))
  return () => {
    for (const end of undo) end()
    for (const merged of [balance, marketplace, creditToast, deviceToast]) merged.cancel()
  }
}
