import type { ReactNode } from 'react'

/** There is nothing to show, and that is no fault. */
export function Empty({ title, children }: { readonly title: string; readonly children?: ReactNode }) {
  return (
    <div className="empty">
      <p className="notice-title">{title}</p>
      {children}
    </div>
  )
}
