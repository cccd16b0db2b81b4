import { expect, test } from 'vitest'
import { Names } from './names.ts'
import { MemoryStorage } from './storage.ts'

const MAC = { name: "Ada's Mac", platform: 'mac' } as const

test('a later page knows the names, for the same user alone', () => {
  const storage = new MemoryStorage()
  new Names(storage).set('ada', 'mac', MAC)
  expect(new Names(storage).get('ada', 'mac')).toEqual(MAC)
  expect(new Names(storage).get('bob', 'mac')).toBeUndefined()
})

test('nothing stays in the browser when the user signs out, or is another', () => {
  const storage = new MemoryStorage()
  new Names(storage).set('ada', 'mac', MAC)
  const later = new Names(storage)
  later.clear()
  expect(later.get('ada', 'mac')).toBeUndefined()
  expect(storage.getItem('kull-sync:names')).toBeNull()
})

test('ever new guests do not fill the storage: those that were learned last are kept', () => {
  const storage = new MemoryStorage()
  const names = new Names(storage)
  for (let n = 0; n <= 100; n++) names.set('ada', `guest-${n}`, MAC)
  expect(new Names(storage).get('ada', 'guest-0')).toBeUndefined()
  expect(new Names(storage).get('ada', 'guest-1')).toEqual(MAC)
  expect(new Names(storage).get('ada', 'guest-100')).toEqual(MAC)
})

test.each(['{', '[]', '7', '["ada",7]', '["ada",[1]]'])(
  'a storage with %s in it is as good as none',
  (damaged) => {
    const storage = new MemoryStorage()
    storage.setItem('kull-sync:names', damaged)
    const names = new Names(storage)
    expect(names.get('ada', 'mac')).toBeUndefined()
    names.set('ada', 'mac', MAC)
    expect(names.get('ada', 'mac')).toEqual(MAC)
  },
)
