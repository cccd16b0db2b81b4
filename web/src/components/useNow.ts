import { useCallback, useSyncExternalStore } from 'react'
import { useSync } from '../react/index.ts'

/**
 * Milliseconds since 1970, renewed and rounded down to every `every` milliseconds. Null on a server, and where
 * `every` is null: nothing ticks then.
 */
export function useNow(every: number | null): number | null {
  const { clock } = useSync().seams
  const subscribe = useCallback(
    (listener: () => void) => {
      if (every === null) return () => undefined
      let cancel = () => undefined as unknown
      const wait = () => {
        cancel = clock.after(every - (clock.date() % every), () => {
          listener()
          wait()
        })
      }
      wait()
      return () => void cancel()
    },
    [clock, every],
  )
  const read = () => (every === null ? null : Math.floor(clock.date() / every) * every)
  return useSyncExternalStore(subscribe, read, () => null)
}

/** Whether it is `time` (milliseconds since 1970) or later. Never, on a server or for null. */
export function useReached(time: number | null): boolean {
  const { clock } = useSync().seams
  const subscribe = useCallback(
    (listener: () => void) => {
      const wait = time === null ? 0 : time - clock.date()
      if (wait <= 0) return () => undefined
      const cancel = clock.after(wait, listener)
      return () => void cancel()
    },
    [clock, time],
  )
  return useSyncExternalStore(
    subscribe,
    () => time !== null && clock.date() >= time,
    () => false,
  )
}
