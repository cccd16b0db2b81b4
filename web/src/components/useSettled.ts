import { useState } from 'react'
import { useReached } from './useNow.ts'
import { useShownState } from './useShownState.ts'

/** Milliseconds after connecting in which the retained present arrives, in every tab. */
const ARRIVES_WITHIN = 1000

/** Whether what is not known by now is not there, rather than still on its way. It stays so. */
export function useSettled(): boolean {
  const { state } = useShownState()
  const arrived = useReached(state.status === 'connected' ? state.since + ARRIVES_WITHIN : null)
  const [settled, setSettled] = useState(false)
  if (arrived && !settled) setSettled(true)
  const ended = state.status === 'disconnected' && state.reason !== 'idle'
  return arrived || settled || ended
}
