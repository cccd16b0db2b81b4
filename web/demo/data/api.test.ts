import { expect, test, vi } from 'vitest'
import { Api, ApiError } from './api.ts'

/** An API whose backend answers so. */
function answering(status: number, body: string) {
  const fetch = vi.fn<typeof globalThis.fetch>(
    async () => new Response(status === 204 ? null : body, { status }),
  )
  const onUnauthorized = vi.fn()
  return { api: new Api({ token: 'a.b.c', onUnauthorized, fetch }), fetch, onUnauthorized }
}

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => null,
    (error: unknown) => error,
  )

test('asks with the token, and hands on the answer', async () => {
  const { api, fetch } = answering(200, '{"balance":7}')
  await expect(api.get('/demo/api/balance')).resolves.toEqual({ balance: 7 })
  expect(fetch.mock.lastCall).toMatchObject([
    '/demo/api/balance',
    { method: 'GET', headers: { Authorization: 'Bearer a.b.c' } },
  ])
})

test('an answer without a body is one', async () => {
  await expect(answering(204, '').api.delete('/api/sync/devices/d')).resolves.toBeUndefined()
})

test.each([
  ['a problem document', 402, '{"title":"Not enough","detail":"It takes 5."}', 'It takes 5.'],
  ['one without detail', 404, '{"title":"No such shoot"}', 'No such shoot'],
  ['a page', 502, '<h1>Bad gateway</h1>', 'The server answered 502.'],
  ['nothing', 500, '', 'The server answered 500.'],
])('a refusal with %s says why', async (_, status, body, message) => {
  const { api, onUnauthorized } = answering(status, body)
  expect(await failure(api.post('/x'))).toMatchObject({ name: 'ApiError', status, message })
  expect(onUnauthorized).not.toHaveBeenCalled()
})

test('a token that is taken no longer ends the login', async () => {
  const { api, onUnauthorized } = answering(401, '{}')
  expect(await failure(api.get('/x'))).toBeInstanceOf(ApiError)
  expect(onUnauthorized).toHaveBeenCalledOnce()
})

test('a backend that cannot be reached is an error to show', async () => {
  const fetch = () => Promise.reject(new TypeError('network'))
  expect(await failure(new Api({ fetch }).get('/x'))).toMatchObject({
    name: 'ApiError',
    status: 0,
    message: 'The server cannot be reached.',
  })
})

test('a backend that does not answer is given up', async () => {
  const fetch: typeof globalThis.fetch = (_, init) =>
    new Promise((_, reject) => init?.signal?.addEventListener('abort', () => reject(init.signal?.reason)))
  expect(await failure(new Api({ timeoutMs: 1, fetch }).get('/x'))).toMatchObject({
    status: 0,
    message: 'The server takes too long to answer.',
  })
})

test('a request that is called off is no failure of the backend', async () => {
  const stop = new AbortController()
  const fetch: typeof globalThis.fetch = async (_, init) => {
    stop.abort()
    throw init?.signal?.reason
  }
  expect(await failure(new Api({ fetch }).get('/x', stop.signal))).not.toBeInstanceOf(ApiError)
})
