import type { ReactNode } from 'react'
import type { Resource } from '../data/useResource.ts'
import { Problem } from './Problem.tsx'

export interface LoadedProps<T> {
  readonly resource: Resource<T>
  /** What is loaded, as in `Loading shoots`. */
  readonly what: string
  readonly children: (data: T) => ReactNode
}

/** The data; or that it is on its way; or why it did not come, with another try. Old data stays beside a failure. */
export function Loaded<T>({ resource: { data, error, loading, reload }, what, children }: LoadedProps<T>) {
  return (
    <>
      {error && (
        <Problem
          title={data === null ? `No ${what} to show` : 'This may be out of date'}
          error={error}
          busy={loading}
          retry={reload}
        />
      )}
      {data !== null
        ? children(data)
        : error === null && (
            <p className="loading" role="status">
              Loading {what} …
            </p>
          )}
    </>
  )
}
