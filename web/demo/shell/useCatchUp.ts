import { useResync, useSyncStatus } from '@kull/sync/react'
import { useEffect, useRef } from 'react'
import { useBackend } from '../data/backend.ts'

/** Milliseconds over which all devices spread their requests when all may have missed something. */
const SPREAD = 10_000

/** Fetches what is shown once more: what failed, when there is a network again; shoots, when news were missed. */
export function useCatchUp(): void {
  const { refresh } = useBackend()
  const { status } = useSyncStatus()
  useEffect(() => {
    if (status === 'connected') refresh.tell('failed')
  }, [status, refresh])
  useEffect(() => {
    const retry = () => refresh.tell('failed')
    addEventListener('online', retry)
    return () => removeEventListener('online', retry)
  }, [refresh])

  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  useResync(() => {
    clearTimeout(timer.current)
    timer.current = setTimeout(() => refresh.tell('shoots'), Math.random() * SPREAD)
  })
  useEffect(() => () => clearTimeout(timer.current), [])
}
