import type { ShootState } from '@kull/sync'
import { expect, test } from 'vitest'
import type { Shoot } from '../data/types.ts'
import { isCulling, standingOf } from './standing.ts'

const SHOOT: Shoot = {
  shootId: 'wedding',
  title: 'Wedding',
  imageCount: 200,
  status: 'failed',
  processedCount: 50,
  run: 2,
  error: 'A file is broken',
}
const LIVE = { shootId: 'wedding', status: 'processing', processedCount: 100, totalCount: 200 } as ShootState

test.each([
  ['of the same run', 2, { status: 'processing', processedCount: 100, run: 2, error: null, done: 0.5 }],
  ['of a later run', 3, { status: 'processing', processedCount: 100, run: 3, error: null, done: 0.5 }],
  [
    'of an earlier run',
    1,
    { status: 'failed', processedCount: 50, run: 2, error: 'A file is broken', done: 0.25 },
  ],
])('news %s against what the backend knows', (_, run, standing) => {
  // What devices are told is newer than an answer of the backend, unless it is about a run that is over.
  expect(standingOf(SHOOT, { ...LIVE, run })).toEqual(standing)
})

test('without news the backend is believed', () => {
  expect(standingOf(SHOOT, null)).toMatchObject({ status: 'failed', processedCount: 50 })
})

test.each([
  [0, 0, 1],
  [200, 300, 1],
])('of %d images %d are done: never more than all', (imageCount, processedCount, done) => {
  expect(standingOf({ ...SHOOT, imageCount, processedCount }, null).done).toBe(done)
})

test.each([
  ['new', false],
  ['queued', true],
  ['processing', true],
  ['completed', false],
  ['failed', false],
] as const)('a shoot that is %s is being culled: %s', (status, culling) => {
  expect(isCulling({ status })).toBe(culling)
})
