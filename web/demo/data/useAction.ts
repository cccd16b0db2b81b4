import { useState } from 'react'
import { ApiError } from './api.ts'

export interface Action<Args extends readonly unknown[]> {
  /** Resolves to whether it worked. Does nothing while it is under way. */
  readonly run: (...args: Args) => Promise<boolean>
  readonly pending: boolean
  readonly error: ApiError | null
}

/** Something that a person does to the backend: one at a time, with its error to show. */
export function useAction<Args extends readonly unknown[]>(
  act: (...args: Args) => Promise<void>,
): Action<Args> {
  const [pending, setPending] = useState(false)
  const [error, setError] = useState<ApiError | null>(null)
  return {
    pending,
    error,
    async run(...args) {
      if (pending) return false
      setPending(true)
      setError(null)
      try {
        await act(...args)
        return true
      } catch (failure) {
        if (!(failure instanceof ApiError)) throw failure
        setError(failure)
        return false
      } finally {
        setPending(false)
      }
    },
  }
}
