import { expect, test, vi } from 'vitest'
import { MemoryStorage } from '../../src/client/storage.ts'
import { browserName } from './browserName.ts'
import { endingOf } from './endings.ts'
import { landing } from './landing.ts'
import { Session, type User } from './session.ts'

const ADA: User = { userId: 'ada', name: 'Ada', token: 'a.b.c' }

test('who signed in is known to the next page and to the other tabs', () => {
  const storage = new MemoryStorage()
  const otherTab = new Session(storage)
  new Session(storage).begin(ADA)
  otherTab.reload()
  expect(otherTab.getSnapshot()).toEqual({ user: ADA })
  expect(new Session(storage).getSnapshot()).toEqual({ user: ADA })
})

test.each(['nobody', 'elsewhere', 'expired'] as const)(
  'ended as %s, no tab holds the token any more',
  (reason) => {
    const storage = new MemoryStorage()
    const session = new Session(storage)
    session.begin(ADA)
    const otherTab = new Session(storage)
    session.end(reason)
    otherTab.reload()
    expect(session.getSnapshot()).toEqual({ user: null, reason })
    expect(otherTab.getSnapshot()).toEqual({ user: null, reason: 'elsewhere' })
    expect(storage.getItem('kull-demo:user')).toBeNull()
  },
)

test('the first reason stays: what is learned later, here or from another tab, does not replace it', () => {
  const storage = new MemoryStorage()
  const session = new Session(storage)
  session.begin(ADA)
  session.end('nobody')
  session.end('elsewhere')
  session.reload()
  expect(session.getSnapshot()).toEqual({ user: null, reason: 'nobody' })
})

test('another user who signs in in another tab is the user of this one', () => {
  const storage = new MemoryStorage()
  const session = new Session(storage)
  session.begin(ADA)
  const bob = { userId: 'bob', name: 'Bob', token: 'd.e.f' }
  new Session(storage).begin(bob)
  session.reload()
  expect(session.getSnapshot()).toEqual({ user: bob })
})

test('a tab that learns late that its user is out leaves the one who signed in since then', () => {
  const storage = new MemoryStorage()
  const sleeper = new Session(storage)
  sleeper.begin(ADA)
  const bob = { userId: 'bob', name: 'Bob', token: 'd.e.f' }
  new Session(storage).begin(bob)
  sleeper.end('expired')
  expect(sleeper.getSnapshot()).toEqual({ user: bob })
  expect(new Session(storage).getSnapshot()).toEqual({ user: bob })
})

test('listeners are called for changes alone, and the state stays the same object between them', () => {
  const session = new Session(new MemoryStorage())
  const listener = vi.fn()
  const undo = session.subscribe(listener)
  session.begin(ADA)
  const state = session.getSnapshot()
  session.reload()
  expect(session.getSnapshot()).toBe(state)
  expect(listener).toHaveBeenCalledOnce()
  undo()
  session.end('nobody')
  expect(listener).toHaveBeenCalledOnce()
})

test.each([
  ['no JSON', '{'],
  ['nothing', 'null'],
  ['no user', '{}'],
  ['a user without a token', '{"userId":"ada","name":"Ada"}'],
  ['a user with an empty token', '{"userId":"ada","name":"Ada","token":""}'],
])('a stored session that is %s is nobody’s', (_, raw) => {
  const storage = new MemoryStorage()
  storage.setItem('kull-demo:user', raw)
  expect(new Session(storage).getSnapshot()).toEqual({ user: null, reason: 'nobody' })
})

test.each([
  ['signed-out', 'elsewhere'],
  ['unauthorized', 'expired'],
  ['idle', null],
] as const)('a client that is disconnected as %s ends the login as %s', (reason, ending) => {
  expect(endingOf({ status: 'disconnected', reason, error: null, since: 0 })).toBe(ending)
})

test('a client that tries again does not end the login', () => {
  const state = { attempt: 3, nextRetryAt: null, prolonged: true, error: null, since: 0 }
  expect(endingOf({ status: 'reconnecting', ...state })).toBeNull()
})

test.each([
  [{ from: '/devices' }, '/devices'],
  [null, '/shoots'],
  [{ from: 'https://example.com' }, '/shoots'],
  [{ from: '//example.com' }, '/shoots'],
  [{ from: 7 }, '/shoots'],
])('after signing in, %j leads to %s', (state, path) => {
  expect(landing(state)).toBe(path)
})

const WEBKIT = 'AppleWebKit/537.36 (KHTML, like Gecko)'
test.each([
  [`Mozilla/5.0 (X11; Linux x86_64) ${WEBKIT} Chrome/140.0 Safari/537.36`, 'Chrome on Linux'],
  [`Mozilla/5.0 (Windows NT 10.0) ${WEBKIT} Chrome/140.0 Safari/537.36 Edg/140.0`, 'Edge on Windows'],
  ['Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:140.0) Gecko/20100101 Firefox/140.0', 'Firefox on Mac'],
  [
    `Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) ${WEBKIT} Version/18.0 Safari/604.1`,
    'Safari on iPhone',
  ],
  [`Mozilla/5.0 (Linux; Android 15) ${WEBKIT} Chrome/140.0 Mobile Safari/537.36`, 'Chrome on Android'],
  ['something else', 'Browser'],
])('%s is called %s', (userAgent, name) => {
  expect(browserName(userAgent)).toBe(name)
})
