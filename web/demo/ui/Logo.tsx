/** Three frames of a series, the last one chosen. */
export function Logo() {
  return (
    <svg className="logo" viewBox="0 0 24 18" width="24" height="18" aria-hidden="true">
      <rect className="logo-far" x="0.5" y="0.5" width="14" height="10" rx="1.5" />
      <rect className="logo-near" x="4.5" y="3.5" width="14" height="10" rx="1.5" />
      <rect className="logo-pick" x="8.5" y="6.5" width="14" height="10" rx="1.5" />
    </svg>
  )
}
