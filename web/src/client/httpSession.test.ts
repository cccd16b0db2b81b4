import { afterEach, expect, test, vi } from 'vitest'
import { httpSession } from './httpSession.ts'

afterEach(() => vi.unstubAllGlobals())

const context = {
  reason: 'connect',
  signal: new AbortController().signal,
  request: { deviceId: 'd', name: 'Browser', platform: 'web', lastSession: 7 },
} as const

test('the functions are asked with the token of the moment', async () => {
  const fetch = vi.fn(async () => Response.json({ token: 't' }))
  vi.stubGlobal('fetch', fetch)
  const getSession = httpSession({
    url: 'https://api.example.com/',
    user: async () => ({ userId: 'ada', token: 'app' }),
  })

  expect(await getSession(context)).toEqual({ token: 't' })
  expect(fetch).toHaveBeenCalledWith('https://api.example.com/api/sync/session', {
    method: 'POST',
    signal: context.signal,
    headers: { Authorization: 'Bearer app', 'Content-Type': 'application/json' },
    body: JSON.stringify({ userId: 'ada', ...context.request }),
  })
})

test('nobody signed in: nobody is asked', async () => {
  vi.stubGlobal(
    'fetch',
    vi.fn(() => expect.unreachable()),
  )
  expect(await httpSession({ user: () => null })(context)).toBeNull()
})

test.each([
  [401, 'unauthorized', false],
  [403, 'unauthorized', false],
  [404, 'session-failed', true],
  [503, 'session-failed', true],
])('an answer of %i is %s', async (status, code, retryable) => {
  vi.stubGlobal('fetch', async () => new Response('', { status }))
  const asked = httpSession({ user: () => ({ userId: 'ada', token: 'app' }) })(context)
  await expect(asked).rejects.toMatchObject({ code, retryable })
})
