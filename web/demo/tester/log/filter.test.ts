import { expect, test } from 'vitest'
import type { Entry, EntryType } from './entry.ts'
import { asDocument, fileName } from './file.ts'
import { matching } from './filter.ts'

const META = { replayed: false, retained: true, self: false }
const ENTRIES: readonly Entry[] = [
  { id: 1, at: 0, source: 'Device 1', type: 'state', summary: 'connected', data: { status: 'connected' } },
  {
    id: 2,
    at: 1500,
    source: 'Device 2',
    type: 'SHOOT_PROGRESS',
    summary: 'wedding: processing',
    meta: META,
    data: { id: 'abc', data: { currentImage: 'DSC_0250.NEF' } },
  },
]
const NONE: ReadonlySet<EntryType> = new Set()

test.each([
  ['', NONE, [1, 2]],
  ['  ', NONE, [1, 2]],
  ['connected', NONE, [1]],
  ['shoot_prog', NONE, [2]],
  ['device 2', NONE, [2]],
  ['dsc_0250', NONE, [2]],
  ['retained', NONE, [2]],
  ['replayed', NONE, []],
  ['nothing like it', NONE, []],
  ['', new Set<EntryType>(['state']), [2]],
  ['connected', new Set<EntryType>(['state']), []],
])('of two entries %j without %o passes %o', (text, hidden, expected) => {
  expect(matching(ENTRIES, { text, hidden }).map(({ id }) => id)).toEqual(expected)
})

test('an export reads as JSON, with times for people and all that was told', () => {
  expect(JSON.parse(asDocument(ENTRIES, 7, 60_000))).toEqual({
    exportedAt: '1970-01-01T00:01:00.000Z',
    dropped: 7,
    entries: [
      {
        at: '1970-01-01T00:00:00.000Z',
        source: 'Device 1',
        type: 'state',
        summary: 'connected',
        data: { status: 'connected' },
      },
      {
        at: '1970-01-01T00:00:01.500Z',
        source: 'Device 2',
        type: 'SHOOT_PROGRESS',
        summary: 'wedding: processing',
        meta: META,
        data: { id: 'abc', data: { currentImage: 'DSC_0250.NEF' } },
      },
    ],
  })
})

test('the name of an export tells when it was made, and suits every file system', () => {
  expect(fileName(60_000)).toBe('kull-sync-1970-01-01T00-01-00.json')
})
