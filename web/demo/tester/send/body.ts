import { type Field, type Schema, type Values, written } from './fields.ts'

/** What is wrong with a field, or where `field` is empty, with the whole. As in problem documents (RFC 9457). */
export interface Fault {
  readonly field: string
  readonly detail: string
}

export interface Read {
  /** What was filled in, as far as it can be read; what cannot stays the text that it is. */
  readonly body: Readonly<Record<string, unknown>>
  readonly faults: readonly Fault[]
}

/** Reads a form, and says what the schema has against it. */
export function read(schema: Schema, fields: readonly Field[], values: Values): Read {
  const { body, faults } = readAll(fields, values)
  return { body, faults: [...faults, ...alternatives(schema, body)] }
}

function readAll(fields: readonly Field[], values: Values): Read {
  const body: Record<string, unknown> = {}
  const faults: Fault[] = []
  for (const field of fields) {
    if (field.kind === 'group') {
      const inner = readAll(field.fields, values)
      // What is needed of a group that is not needed itself, is needed only when there is anything of it.
      if (!field.required && Object.keys(inner.body).length === 0) continue
      body[field.name] = inner.body
      faults.push(...inner.faults)
      continue
    }
    const { value, problem } = readOne(field, values[field.path] ?? '')
    if (value !== undefined) body[field.name] = value
    if (problem !== null) faults.push({ field: field.path, detail: problem })
  }
  return { body, faults }
}

interface ReadOne {
  /** Undefined: absent. */
  readonly value?: unknown
  readonly problem: string | null
}

type Single = Exclude<Field, { readonly kind: 'group' }>

function readOne(field: Single, text: string): ReadOne {
  // A text that is needed may be empty; whether it may is for its own rules to say.
  if (text === '' && !(field.kind === 'text' && field.required))
    return { problem: field.required ? 'Is missing' : null }
  switch (field.kind) {
    case 'text':
      return { value: text, problem: textProblem(field.schema, text) }
    case 'number':
      return readNumber(field.schema, text)
    case 'flag':
      return { value: text === 'true', problem: null }
    case 'constant':
      return { value: field.value, problem: null }
    case 'choice': {
      const value = field.options.find((option) => written(option) === text)
      return value === undefined
        ? { value: text, problem: `Must be one of ${field.options.map(written).join(', ')}` }
        : { value, problem: null }
    }
    case 'json':
      try {
        return { value: JSON.parse(text), problem: null }
      } catch {
        return { value: text, problem: 'Is not JSON' }
      }
  }
}

function textProblem({ minLength = 0, maxLength, pattern }: Schema, text: string): string | null {
  // JSON Schema counts code points; JavaScript counts halves of some.
  const { length } = [...text]
  if (length < minLength) return `Must have at least ${minLength} characters`
  if (maxLength !== undefined && length > maxLength)
    return `Must have at most ${maxLength} characters, not ${length}`
  if (pattern !== undefined && !new RegExp(pattern).test(text)) return `Must match ${pattern}`
  return null
}

/** A number as JSON writes it (RFC 8259, 6). */
const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?$/

function readNumber({ type, minimum, maximum }: Schema, text: string): ReadOne {
  const trimmed = text.trim()
  if (!NUMBER.test(trimmed)) return { value: text, problem: 'Must be a number' }
  const value = Number(trimmed)
  if (type === 'integer' && !Number.isInteger(value)) return { value, problem: 'Must be a whole number' }
  if (minimum !== undefined && value < minimum) return { value, problem: `Must be at least ${minimum}` }
  if (maximum !== undefined && value > maximum) return { value, problem: `Must be at most ${maximum}` }
  return { value, problem: null }
}

/** Where one of several sets of fields must be given, and one alone. */
function alternatives({ oneOf = [] }: Schema, body: Readonly<Record<string, unknown>>): Fault[] {
  const sets = oneOf.map(({ required = [] }) => required)
  const given = sets.filter((names) => names.every((name) => name in body))
  if (sets.length === 0 || given.length === 1) return []
  return [{ field: '', detail: `Exactly one of ${sets.flat().join(' and ')} must be given` }]
}
