import { type ReactNode, useEffect, useRef } from 'react'
import { useLocation, useNavigationType } from 'react-router'

export interface PageProps {
  readonly title: string
  /** Above the title, e.g. the way back. */
  readonly before?: ReactNode
  /** Beside the title. */
  readonly actions?: ReactNode
  readonly children?: ReactNode
}

/** Where the last page was. Null: this document has shown none, so the focus is the browser's affair. */
let shownAt: string | null = null

/** A page with its title. Coming from another page, its heading gets the focus, so that a screen reader says it. */
export function Page({ title, before, actions, children }: PageProps) {
  const heading = useRef<HTMLHeadingElement>(null)
  const { key, hash } = useLocation()
  const arrival = useNavigationType()
  useEffect(() => {
    const isFirst = shownAt === null
    // One that takes the place of another at the same address, e.g. as there is no such shoot, may find the focus lost.
    // To a part of the page the browser has moved it.
    const isSettled = (shownAt === key || hash !== '') && document.activeElement !== document.body
    shownAt = key
    if (isFirst || isSettled) return
    // Going back, the browser scrolls to where one was.
    if (arrival !== 'POP') scrollTo(0, 0)
    heading.current?.focus({ preventScroll: true })
  }, [key, hash, arrival])
  return (
    <>
      <title>{`${title} · Kull`}</title>
      {before}
      <div className="page-head">
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
        {actions && <div className="page-actions">{actions}</div>}
      </div>
      {children}
    </>
  )
}
