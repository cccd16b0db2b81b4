import { number, percent } from '../ui/format.ts'

export interface SplitProps {
  readonly kept: number
  readonly duplicates: number
  readonly rejected: number
}

/** What became of the images, as numbers and as a bar. */
export function Split({ kept, duplicates, rejected }: SplitProps) {
  const parts = [
    { name: 'Kept', value: kept, kind: 'kept' },
    { name: 'Duplicates', value: duplicates, kind: 'duplicates' },
    { name: 'Rejected', value: rejected, kind: 'rejected' },
  ] as const
  const total = kept + duplicates + rejected
  let start = 0
  return (
    <div className="split">
      <svg className="split-bar" width="100%" height="100%" aria-hidden="true">
        {parts.map(({ kind, value }) => {
          const x = start
          start += value
          return (
            <rect
              key={kind}
              data-kind={kind}
              x={`${(x / total) * 100}%`}
              width={`${(value / total) * 100}%`}
              height="100%"
            />
          )
        })}
      </svg>
      <dl>
        {parts.map(({ name, value, kind }) => (
          <div key={kind} data-kind={kind}>
            <dt>{name}</dt>
            <dd>
              <span className="split-number">{number(value)}</span> {total > 0 && percent(value / total)}
            </dd>
          </div>
        ))}
      </dl>
    </div>
  )
}
