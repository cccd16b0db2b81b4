import { useLayoutEffect, useRef } from 'react'
import type { Entry } from './entry.ts'
import { LogRow } from './LogRow.tsx'

/** Pixels from the end that still count as being there. */
const NEAR = 24

export interface LogListProps {
  /** Oldest first. */
  readonly entries: readonly Entry[]
  readonly newestFirst: boolean
  readonly labelledBy: string
}

/** Entries in a box that scrolls. Where the newest come last, it follows them as long as its end is in sight. */
export function LogList({ entries, newestFirst, labelledBy }: LogListProps) {
  const list = useRef<HTMLOListElement>(null)
  const follows = useRef(true)
  // biome-ignore lint/correctness/useExhaustiveDependencies: with each change of what is in the box
  useLayoutEffect(() => {
    const box = list.current
    if (box && follows.current) box.scrollTop = newestFirst ? 0 : box.scrollHeight
  }, [entries, newestFirst])
  return (
    <ol
      ref={list}
      className="tester-entries"
      aria-labelledby={labelledBy}
      onScroll={({ currentTarget: box }) => {
        const rest = newestFirst ? box.scrollTop : box.scrollHeight - box.clientHeight - box.scrollTop
        follows.current = rest < NEAR
      }}
    >
      {(newestFirst ? entries.toReversed() : entries).map((entry) => (
        <LogRow key={entry.id} entry={entry} />
      ))}
    </ol>
  )
}
