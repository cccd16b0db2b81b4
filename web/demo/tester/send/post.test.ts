import { expect, test } from 'vitest'
import { post } from './post.ts'

const respond =
  (status: number, body: string, seen?: RequestInit[]): typeof fetch =>
  async (_, init) => {
    if (init) seen?.push(init)
    return new Response(body, { status })
  }
const NOBODY = { token: null, idempotencyKey: '' }

test('a message goes with the token and the key that it is given, and without those that it is not', async () => {
  const seen: RequestInit[] = []
  const fetch = respond(202, '{}', seen)
  await post('/x', { a: 1 }, { token: 't', idempotencyKey: 'k', fetch })
  await post('/x', { a: 1 }, { ...NOBODY, fetch })
  const json = { 'Content-Type': 'application/json' }
  expect(seen.map(({ headers }) => headers)).toEqual([
    { ...json, Authorization: 'Bearer t', 'Idempotency-Key': 'k' },
    json,
  ])
  expect(seen[0]?.body).toBe('{"a":1}')
})

test('an accepted message tells its id and its listeners', async () => {
  const fetch = respond(202, '{"id":"abc","listeners":"none"}')
  expect(await post('/x', {}, { ...NOBODY, fetch })).toMatchObject({
    ok: true,
    title: '202 Accepted',
    facts: { id: 'abc', listeners: 'none' },
    faults: [],
  })
})

test.each([
  [
    'names the fields',
    '{"title":"Not valid","detail":"count: is missing","type":"urn:x","errors":[{"field":"count","detail":"is missing"}]}',
    {
      title: '422 Not valid',
      facts: { type: 'urn:x' },
      faults: [{ field: 'count', detail: 'is missing' }],
    },
  ],
  [
    'names no fields',
    '{"title":"Not valid","detail":"It is not."}',
    { title: '422 Not valid', facts: { detail: 'It is not.' }, faults: [] },
  ],
  ['is no problem document', 'oh', { title: '422 Refused', facts: {}, faults: [], answer: 'oh' }],
  ['has errors of another form', '{"errors":[1,{"field":2}]}', { title: '422 Refused', faults: [] }],
])('a refusal that %s is told as it is', async (_, body, expected) => {
  const outcome = await post('/x', {}, { ...NOBODY, fetch: respond(422, body) })
  expect(outcome).toMatchObject({ ok: false, ...expected })
})

test.each([
  [new TypeError('network'), 'The functions cannot be reached'],
  [new DOMException('late', 'TimeoutError'), 'No answer came in time'],
])('without an answer it says so: %s', async (error, title) => {
  const fetch = () => Promise.reject(error)
  expect(await post('/x', {}, { ...NOBODY, fetch })).toMatchObject({ ok: false, title })
})
