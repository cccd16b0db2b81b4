import type { ReactNode } from 'react'
import { MAIN_ID } from './mainId.ts'

/** The page itself. It can take the focus, which the skip link gives it. */
export function Main({ children }: { readonly children: ReactNode }) {
  return (
    <main id={MAIN_ID} tabIndex={-1}>
      {children}
    </main>
  )
}
