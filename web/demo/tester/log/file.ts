import type { Entry } from './entry.ts'

/** Entries as a JSON document: times in ISO 8601, oldest first. */
export function asDocument(entries: readonly Entry[], dropped: number, now: number): string {
  const written = entries.map(({ at, id: _, ...entry }) => ({ at: iso(at), ...entry }))
  return JSON.stringify({ exportedAt: iso(now), dropped, entries: written }, null, 2)
}

/** `kull-sync-2026-05-04T10-11-12.json`: a colon is not allowed in file names everywhere. */
export const fileName = (now: number): string =>
  `kull-sync-${iso(now).slice(0, 19).replaceAll(':', '-')}.json`

const iso = (at: number): string => new Date(at).toISOString()

/** Has the browser save a file. */
export function download(name: string, json: string): void {
  const url = URL.createObjectURL(new Blob([json], { type: 'application/json' }))
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  URL.revokeObjectURL(url)
}
