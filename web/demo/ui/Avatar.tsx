/** The initials of a name that stands beside it or is said otherwise. */
export function Avatar({ name }: { readonly name: string }) {
  const initials = name
    .split(/\s+/)
    .map(([first]) => first)
    .slice(0, 2)
    .join('')
  return (
    // Drawn by the style: as text it would be what a button is called by those who see it (WCAG 2.5.3).
    <span className="avatar" data-initials={initials} aria-hidden="true" />
  )
}
