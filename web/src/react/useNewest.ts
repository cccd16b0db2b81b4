import { useEffect, useRef } from 'react'

/** The value of the last render. So a handler that is a new function each time costs no subscription. */
export function useNewest<T>(value: T): { readonly current: T } {
  const ref = useRef(value)
  useEffect(() => {
    ref.current = value
  })
  return ref
}
