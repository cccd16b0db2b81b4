import type { ReactNode } from 'react'

export interface ProblemProps {
  readonly title: string
  readonly error: Error
  /** Another try is under way. */
  readonly busy?: boolean
  readonly retry?: () => void
  /** Another way out. */
  readonly children?: ReactNode
}

/** What went wrong, and what to do about it. */
export function Problem({ title, error, busy = false, retry, children }: ProblemProps) {
  return (
    <div className="notice" data-tone="bad">
      <div role="alert">
        <p className="notice-title">{title}</p>
        <p>{error.message}</p>
      </div>
      {retry && (
        // Not disabled while busy: that would drop the focus.
        <button type="button" className="button" aria-disabled={busy} onClick={busy ? undefined : retry}>
          {busy ? 'Trying …' : 'Try again'}
        </button>
      )}
      {children}
    </div>
  )
}
