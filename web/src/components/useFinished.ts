import { useEffect, useRef } from 'react'
import type { ShootState } from '../client/index.ts'
import { useSync } from '../react/index.ts'

/** Milliseconds by which the age of what the broker keeps may be wrong: it counts whole seconds. */
const UNSURE = 2000

export type OnFinished = (state: ShootState, meta: { readonly replayed: boolean }) => void

/**
 * Calls back once for each run of a shoot that finishes, completed or failed, after this was first shown: live, or
 * while the tab slept or was off line (`replayed`). A run that had finished before that is old news, however often
 * this is shown again or the connection is made anew.
 */
export function useFinished(
  shootId: string,
  progress: ShootState | null,
  onFinished: OnFinished | undefined,
): void {
  const client = useSync()
  const { clock } = client.seams
  const seen = useRef<Seen | null>(null)
  useEffect(() => {
    const before = seen.current
    if (before === null || before.shootId !== shootId || before.client !== client) {
      seen.current = { client, shootId, progress, since: clock.date() }
      return
    }
    if (progress === before.progress) return
    seen.current = { ...before, progress }
    if (progress !== null && isFinished(progress) && isNews(progress, before))
      onFinished?.(progress, { replayed: progress.replayed })
  })
}

interface Seen {
  readonly client: unknown
  readonly shootId: string
  readonly progress: ShootState | null
  /** Since when the shoot is shown. */
  readonly since: number
}

function isNews(progress: ShootState, { progress: before, since }: Seen): boolean {
  if (before !== null) return !isFinished(before) || progress.run > before.run
  return !progress.replayed || progress.asOf > since + UNSURE
}

export function isFinished({ status }: ShootState): boolean {
  return status === 'completed' || status === 'failed'
}
