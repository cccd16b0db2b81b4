import { useCallback, useEffect, useState } from 'react'
import { ApiError } from './api.ts'
import { useBackend } from './backend.ts'
import type { Topic } from './refresh.ts'

/** Data of the backend. While it is fetched again, and when that fails, the last data stays. */
export interface Resource<T> {
  readonly data: T | null
  readonly error: ApiError | null
  readonly loading: boolean
  readonly reload: () => void
}

interface Fetched<T> {
  readonly path: string
  readonly data: T | null
  readonly error: ApiError | null
}

/** Fetches `path` when this comes on screen, and each time when it is told that the topic has changed. */
export function useResource<T>(path: string, topic?: Topic): Resource<T> {
  const { api, refresh } = useBackend()
  const [fetched, setFetched] = useState<Fetched<T>>({ path, data: null, error: null })
  const [round, setRound] = useState(0)
  const [doneRound, setDoneRound] = useState(-1)
  const reload = useCallback(() => setRound((known) => known + 1), [])
  const current = fetched.path === path ? fetched : { path, data: null, error: null }

  useEffect(() => {
    const stop = new AbortController()
    api
      .get<T>(path, stop.signal)
      .then(
        (data) => setFetched({ path, data, error: null }),
        (error: unknown) => {
          if (stop.signal.aborted) return
          if (!(error instanceof ApiError)) throw error
          setFetched((known) => ({ path, data: known.path === path ? known.data : null, error }))
        },
      )
      .finally(() => stop.signal.aborted || setDoneRound(round))
    return () => stop.abort()
  }, [api, path, round])

  const failed = current.error !== null
  useEffect(() => {
    const undos = [topic && refresh.on(topic, reload), failed && refresh.on('failed', reload)]
    return () => {
      for (const undo of undos) if (undo) undo()
    }
  }, [refresh, topic, failed, reload])

  return { data: current.data, error: current.error, loading: doneRound !== round, reload }
}
