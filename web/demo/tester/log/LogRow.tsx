import { memo, useState } from 'react'
import type { Entry } from './entry.ts'
import { marks } from './filter.ts'

const TIME = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
})

/** An entry; opened, all of it as JSON. */
export const LogRow = memo(function LogRow({ entry }: { readonly entry: Entry }) {
  const { at, source, type, summary, meta, data } = entry
  const [open, setOpen] = useState(false)
  return (
    <li className="tester-entry" data-type={type}>
      <details onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
        <summary className="tester-line">
          <time dateTime={new Date(at).toISOString()}>{TIME.format(at)}</time>{' '}
          <span className="tester-source">{source}</span> <span className="tester-type">{type}</span>{' '}
          <span className="tester-summary">{summary}</span>
          {marks(meta).map((mark) => (
            <span key={mark} className="tester-mark">
              {mark}
            </span>
          ))}
        </summary>
        {open && <pre>{JSON.stringify(meta ? { meta, ...asObject(data) } : data, null, 2)}</pre>}
      </details>
    </li>
  )
})

const asObject = (data: unknown): object => (typeof data === 'object' && data !== null ? data : { data })
