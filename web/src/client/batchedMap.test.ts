import { expect, test } from 'vitest'
import { BatchedMap } from './batchedMap.ts'
import { FakeClock } from './fakeClock.ts'

function world(limit?: number) {
  const clock = new FakeClock()
  const errors: unknown[] = []
  const map = new BatchedMap<number>(clock, (error) => errors.push(error), limit)
  const told = { all: 0, a: 0, b: 0 }
  map.subscribe(() => {
    told.all += 1
  })
  map.subscribeTo('a', () => {
    told.a += 1
  })
  map.subscribeTo('b', () => {
    told.b += 1
  })
  return { clock, map, told, errors }
}

test('a first change is shown at once, a thousand in a second about ten times, the last one always', async () => {
  const { clock, map, told } = world()
  map.set('a', 0)
  expect(map.get('a')).toBe(0)
  for (let n = 1; n < 1000; n++) {
    await clock.advance(1)
    map.set('a', n)
  }
  expect(told.a).toBeLessThanOrEqual(11)
  expect(told.a).toBeGreaterThan(5)
  await clock.advance(100)
  expect(map.get('a')).toBe(999)
  expect(told.b).toBe(0)
})

test('what is shown stays the same object until listeners are told', async () => {
  const { clock, map, told } = world()
  map.set('a', 1)
  const before = map.list()
  map.set('a', 2)
  expect(map.list()).toBe(before)
  expect(map.newest('a')).toBe(2)
  await clock.advance(100)
  expect(map.list()).toEqual([2])
  expect(told.all).toBe(2)
  await clock.advance(1000)
  expect(told.all).toBe(2)
})

test('the order is that of the keys, whatever came first', async () => {
  const { clock, map } = world()
  map.set('b', 2)
  map.set('a', 1)
  map.set('c', 3)
  await clock.advance(100)
  expect(map.list()).toEqual([1, 2, 3])
})

test('forgetting is shown at once, to those who watched a key too', () => {
  const { map, told } = world()
  map.set('a', 1)
  map.clear()
  expect(map.list()).toEqual([])
  expect(map.get('a')).toBeUndefined()
  expect(told).toMatchObject({ all: 2, a: 2, b: 0 })
})

test('deleting what is not there tells nobody', () => {
  const { map, told } = world()
  map.delete('a')
  expect(told.all).toBe(0)
})

test('memory is bounded', async () => {
  const { clock, map } = world(100)
  for (let n = 0; n < 10_000; n++) map.set(`k${n}`, n)
  await clock.advance(100)
  expect(map.list()).toHaveLength(100)
  expect(map.get('k9999')).toBe(9999)
})

test('an undone listener is not called', async () => {
  const { clock, map, told } = world()
  const undo = map.subscribeTo('a', () => {
    told.a += 100
  })
  undo()
  undo()
  map.set('a', 1)
  await clock.advance(100)
  expect(told.a).toBe(1)
})

test('a listener that throws is reported and harms nobody', () => {
  const { map, told, errors } = world()
  map.subscribeTo('b', () => {
    throw new Error('of the app')
  })
  map.set('b', 1)
  expect(errors).toMatchObject([{ code: 'handler-failed' }])
  expect(told).toMatchObject({ all: 1, b: 1 })
})
