import { expect, test } from 'vitest'
import { read } from './body.ts'
import { beginning, fieldsOf, type Schema, type Values } from './fields.ts'

const COUNT: Schema = { type: 'integer', minimum: 0, maximum: 100 }
const SCHEMA: Schema = {
  type: 'object',
  properties: {
    note: { anyOf: [{ type: 'string', maxLength: 3 }, { type: 'null' }], description: 'A note.' },
    id: { type: 'string', pattern: '^[a-z]{1,8}$', examples: ['abc'] },
    status: { type: 'string', enum: ['queued', 'done'] },
    count: COUNT,
    eta: { anyOf: [{ type: 'number', minimum: 0 }, { type: 'null' }] },
    done: { type: 'boolean' },
    everyone: { anyOf: [{ type: 'boolean', const: true }, { type: 'null' }] },
    data: { type: 'object', properties: { total: COUNT, name: { type: 'string' } }, required: ['total'] },
    tags: { type: 'array' },
  },
  required: ['id', 'status', 'count', 'done'],
}
const FIELDS = fieldsOf(SCHEMA)
/** The least that is right. */
const GOOD: Values = { id: 'abc', status: 'queued', count: '1', done: 'true' }
const GOOD_BODY = { id: 'abc', status: 'queued', count: 1, done: true }

test('what is needed comes first, and each field is of the kind that its schema says', () => {
  expect(FIELDS.map(({ name, kind, required }) => `${name} ${kind}${required ? ' needed' : ''}`)).toEqual([
    'id text needed',
    'status choice needed',
    'count number needed',
    'done flag needed',
    'note text',
    'eta number',
    'everyone constant',
    'data group',
    'tags json',
  ])
})

test('a field is described as its schema says, also where it may be null', () => {
  expect(FIELDS.find(({ name }) => name === 'note')?.description).toBe('A note.')
})

test('a form begins with what is right, and with nothing that may be left out', () => {
  const values = beginning(SCHEMA, FIELDS)
  expect(values).toMatchObject({
    id: 'abc',
    status: 'queued',
    count: '0',
    done: 'false',
    note: '',
    everyone: '',
  })
  expect(read(SCHEMA, FIELDS, values)).toEqual({
    body: { id: 'abc', status: 'queued', count: 0, done: false },
    faults: [],
  })
})

test('a form begins with the example of the whole, where there is one', () => {
  const example = { id: 'xyz', status: 'done', count: 7, done: true, everyone: true, data: { total: 3 } }
  const schema = { ...SCHEMA, examples: [example] }
  expect(read(schema, FIELDS, beginning(schema, FIELDS))).toEqual({ body: example, faults: [] })
})

test.each<[string, Values, object]>([
  ['a text', { note: 'x y' }, { note: 'x y' }],
  ['a text of three characters, each of two halves', { note: '📷📷📷' }, { note: '📷📷📷' }],
  ['a number', { eta: ' 1.5e1 ' }, { eta: 15 }],
  ['a whole number that is written otherwise', { count: '1e2' }, { count: 100 }],
  ['the bounds', { count: '0', eta: '0' }, { count: 0, eta: 0 }],
  ['no', { done: 'false' }, { done: false }],
  ['a constant', { everyone: 'true' }, { everyone: true }],
  ['a group', { 'data.total': '5', 'data.name': 'x' }, { data: { total: 5, name: 'x' } }],
  ['what has no form of its own', { tags: '["a"]' }, { tags: ['a'] }],
])('%s is read as what it is', (_, values, expected) => {
  expect(read(SCHEMA, FIELDS, { ...GOOD, ...values })).toEqual({
    body: { ...GOOD_BODY, ...expected },
    faults: [],
  })
})

test.each<[string, Values, string, string]>([
  ['a number that is missing', { count: '' }, 'count', 'Is missing'],
  ['words for a number', { count: 'many' }, 'count', 'Must be a number'],
  ['a number in hex', { count: '0x10' }, 'count', 'Must be a number'],
  ['a fraction', { count: '1.5' }, 'count', 'Must be a whole number'],
  ['a number that is too small', { count: '-1' }, 'count', 'Must be at least 0'],
  ['a number that is too large', { count: '101' }, 'count', 'Must be at most 100'],
  ['a number that may be left out', { eta: '-1' }, 'eta', 'Must be at least 0'],
  ['a text that is too long', { note: 'long' }, 'note', 'Must have at most 3 characters, not 4'],
  ['a text of another form', { id: 'A b' }, 'id', 'Must match ^[a-z]{1,8}$'],
  ['an empty text', { id: '' }, 'id', 'Must match ^[a-z]{1,8}$'],
  ['another word than those to choose from', { status: 'lost' }, 'status', 'Must be one of queued, done'],
  ['a part of a group', { 'data.name': 'x' }, 'data.total', 'Is missing'],
  ['what is not JSON', { tags: '[' }, 'tags', 'Is not JSON'],
])('%s is refused at its field', (_, values, field, detail) => {
  expect(read(SCHEMA, FIELDS, { ...GOOD, ...values }).faults).toEqual([{ field, detail }])
})

test('what cannot be read is sent as it was written, for those who do not want it checked', () => {
  const { body } = read(SCHEMA, FIELDS, { ...GOOD, count: 'many', status: 'lost' })
  expect(body).toEqual({ ...GOOD_BODY, count: 'many', status: 'lost' })
})

test.each<[Values, number]>([
  [{ user: 'ada', everyone: '' }, 0],
  [{ user: '', everyone: 'true' }, 0],
  [{ user: '', everyone: '' }, 1],
  [{ user: 'ada', everyone: 'true' }, 1],
])('of alternatives exactly one is given: %o', (values, faults) => {
  const schema: Schema = {
    properties: { user: { type: 'string' }, everyone: { const: true } },
    oneOf: [{ required: ['user'] }, { required: ['everyone'] }],
  }
  expect(read(schema, fieldsOf(schema), values).faults).toEqual(
    Array.from({ length: faults }, () => ({
      field: '',
      detail: 'Exactly one of user and everyone must be given',
    })),
  )
})
