import { useCallback, useEffect, useRef, useState } from 'react'

type Outcome = { readonly pending: boolean; readonly failure: { readonly error: unknown } | null }

const REST: Outcome = { pending: false, failure: null }

/** Something that a button starts and that may fail. `start` resolves to whether it worked; one at a time. */
export function useAction(): Outcome & {
  readonly start: (act: () => unknown) => Promise<boolean>
  readonly forget: () => void
} {
  const [outcome, setOutcome] = useState(REST)
  const busy = useRef(false)
  const gone = useRef(false)
  useEffect(() => {
    gone.current = false
    return () => {
      gone.current = true
    }
  }, [])
  const start = useCallback(async (act: () => unknown) => {
    if (busy.current) return false
    busy.current = true
    setOutcome({ pending: true, failure: null })
    let failure: Outcome['failure'] = null
    try {
      await act()
    } catch (error) {
      failure = { error }
    }
    busy.current = false
    if (!gone.current) setOutcome({ pending: false, failure })
    return failure === null
  }, [])
  const forget = useCallback(() => setOutcome(REST), [])
  return { ...outcome, start, forget }
}
