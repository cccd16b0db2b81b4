import { expect, test } from 'vitest'
import { clearAndEnd, DISCONNECT_WITH_WILL } from './lastWords.ts'

test('the packets are those of MQTT 5', () => {
  expect([...DISCONNECT_WITH_WILL]).toEqual([0xe0, 1, 4])
  expect([...clearAndEnd('a/b')]).toEqual([
    0x31, 6, 0, 3, 0x61, 0x2f, 0x62, 0, 0xe0, 7, 0, 5, 0x11, 0, 0, 0, 0,
  ])
})

test('a topic of the longest ids has a length of two bytes', () => {
  const packet = clearAndEnd('x'.repeat(300))
  expect([...packet.slice(0, 5)]).toEqual([0x31, 0xaf, 0x02, 0x01, 0x2c])
  expect(packet).toHaveLength(1 + 2 + 2 + 300 + 1 + 9)
})
