export interface ProblemProps {
  readonly title: string
  readonly error: Error
  /** Another try is under way. */
  readonly busy?: boolean
  readonly retry?: () => void
}

/** What went wrong, and what to do about it. */
export function Problem({ title, error, busy = false, retry }: ProblemProps) {
  return (
    <div className="notice" data-tone="bad" role="alert">
      <div>
        <p className="notice-title">{title}</p>
        <p>{error.message}</p>
      </div>
      {retry && (
        // Not disabled while busy: that would drop the focus.
        <button type="button" className="button" aria-disabled={busy} onClick={busy ? undefined : retry}>
          {busy ? 'Trying …' : 'Try again'}
        </button>
      )}
    </div>
  )
}
