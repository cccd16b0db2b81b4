import { useEffect, useRef } from 'react'
import type { SyncClient } from '../client/index.ts'
import { useSync } from '../react/index.ts'
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
  /** Fetches the balance again. Called when it changed, or may have. Calls are merged and never overlap. */
  readonly balance?: () => unknown
  /** Fetches what is shown of the marketplace again. As `balance`; for edits that concern everyone, after 0 to 10 s. */
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
  const newest = useRef(props)
  useEffect(() => {
    newest.current = props
  })
  useEffect(() => follow(client, () => newest.current), [client])
  return null
}

/** Returns what ends it. */
function follow(client: SyncClient, props: () => SyncEffectsProps): () => void {
  const { clock, random } = client.seams
  const balance = new Merged(clock, () => props().balance?.())
  const marketplace = new Merged(clock, () => props().marketplace?.())
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
    client.onResync(() => {
      const wait = random() * SPREAD
      balance.within(wait)
      marketplace.within(wait)
    }),
  ]
  return () => {
    for (const end of undo) end()
    for (const merged of [balance, marketplace, creditToast, deviceToast]) merged.cancel()
  }
}
