import { ENTRY_TYPES, type EntryType } from './entry.ts'

export interface TypeChoiceProps {
  readonly hidden: ReadonlySet<EntryType>
  readonly onChange: (hidden: ReadonlySet<EntryType>) => void
}

/** Which types of entries are shown. */
export function TypeChoice({ hidden, onChange }: TypeChoiceProps) {
  const shown = ENTRY_TYPES.length - hidden.size
  const toggle = (type: EntryType, show: boolean) =>
    onChange(new Set(ENTRY_TYPES.filter((known) => (known === type ? !show : hidden.has(known)))))
  return (
    <details className="tester-more tester-types">
      <summary>Types: {hidden.size === 0 ? 'all' : `${shown} of ${ENTRY_TYPES.length}`}</summary>
      <fieldset>
        <legend className="hidden">Types to show</legend>
        {ENTRY_TYPES.map((type) => (
          <label key={type} className="check">
            <input
              type="checkbox"
              checked={!hidden.has(type)}
              onChange={({ target }) => toggle(type, target.checked)}
            />
            {type}
          </label>
        ))}
        <div className="panel-actions">
          <button type="button" className="button" onClick={() => onChange(new Set())}>
            All
          </button>
          <button type="button" className="button" onClick={() => onChange(new Set(ENTRY_TYPES))}>
            None
          </button>
        </div>
      </fieldset>
    </details>
  )
}
