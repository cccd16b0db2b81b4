import { MAIN_ID } from './mainId.ts'

/** Leads the keyboard past the header. No link of the router: the browser itself moves the focus. */
export function SkipLink() {
  return (
    <a className="skip" href={`#${MAIN_ID}`}>
      Skip to content
    </a>
  )
}
