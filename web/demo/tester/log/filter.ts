import type { Entry, EntryType } from './entry.ts'

export interface Filter {
  /** Anywhere in an entry, in upper or lower case. */
  readonly text: string
  readonly hidden: ReadonlySet<EntryType>
}

/** The entries that pass. */
export function matching(entries: readonly Entry[], { text, hidden }: Filter): readonly Entry[] {
  const wanted = text.trim().toLowerCase()
  if (wanted === '' && hidden.size === 0) return entries
  return entries.filter((entry) => !hidden.has(entry.type) && textOf(entry).includes(wanted))
}

/** Entries never change, and each keystroke looks through all of them. */
const texts = new WeakMap<Entry, string>()

function textOf(entry: Entry): string {
  const known = texts.get(entry)
  if (known !== undefined) return known
  const { source, type, summary, meta, data } = entry
  const text = [source, type, summary, ...marks(meta), JSON.stringify(data)].join('\n').toLowerCase()
  texts.set(entry, text)
  return text
}

/** What holds of how a message came about, in words. */
export function marks(meta: Entry['meta']): string[] {
  return Object.entries(meta ?? {})
    .filter(([, holds]) => holds)
    .map(([mark]) => mark)
}
