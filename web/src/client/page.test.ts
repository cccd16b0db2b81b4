// @vitest-environment jsdom
import { afterEach, expect, test, vi } from 'vitest'
import { browserPage } from './page.ts'

afterEach(() => vi.restoreAllMocks())

function looksLike(state: DocumentVisibilityState): void {
  vi.spyOn(document, 'visibilityState', 'get').mockReturnValue(state)
}

test.each([
  ['shown again', document, 'visibilitychange'],
  ['given the focus', window, 'focus'],
  ['on line again', window, 'online'],
  ['back from the cache of pages', window, 'pageshow'],
] as const)('a page that is %s wakes, and only as long as somebody listens', (_, target, type) => {
  looksLike('visible')
  const woken = vi.fn()
  const undo = browserPage.onWake(woken)
  target.dispatchEvent(new Event(type))
  expect(woken).toHaveBeenCalledOnce()
  undo()
  target.dispatchEvent(new Event(type))
  expect(woken).toHaveBeenCalledOnce()
})

test('a page that is hidden does not wake by that', () => {
  looksLike('hidden')
  const woken = vi.fn()
  const undo = browserPage.onWake(woken)
  document.dispatchEvent(new Event('visibilitychange'))
  expect(woken).not.toHaveBeenCalled()
  expect(browserPage.visible).toBe(false)
  undo()
})

test('a page that goes says so, also when it goes to the cache of pages', () => {
  const left = vi.fn()
  const undo = browserPage.onLeave(left)
  window.dispatchEvent(new Event('pagehide'))
  undo()
  window.dispatchEvent(new Event('pagehide'))
  expect(left).toHaveBeenCalledOnce()
})
