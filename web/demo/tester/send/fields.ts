/** As much of JSON Schema as the messages use. */
export interface Schema {
  readonly type?: string
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly default?: unknown
  readonly examples?: readonly unknown[]
  readonly description?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly pattern?: string
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
}

interface Common {
  /** As in problem documents, e.g. `data.totalCount`. */
  readonly path: string
  readonly name: string
  readonly required: boolean
  readonly description: string
}

/** What a form asks for. `schema` is that of the value, without null. */
export type Field = Common &
  (
    | { readonly kind: 'text' | 'number' | 'json'; readonly schema: Schema }
    | { readonly kind: 'choice'; readonly options: readonly unknown[] }
    /** Yes, no, or nothing. */
    | { readonly kind: 'flag' }
    /** One value, or nothing. */
    | { readonly kind: 'constant'; readonly value: unknown }
    | { readonly kind: 'group'; readonly fields: readonly Field[] }
  )

/** What a form holds, by path: what was typed or chosen. Empty: nothing was. */
export type Values = Readonly<Record<string, string>>

/** The fields of an object, those that are needed first. */
export function fieldsOf({ properties = {}, required = [] }: Schema, within = ''): readonly Field[] {
  const fields = Object.entries(properties).map(([name, schema]) =>
    fieldOf(schema, { path: within + name, name, required: required.includes(name) }),
  )
  return [...fields.filter((field) => field.required), ...fields.filter((field) => !field.required)]
}

function fieldOf(declared: Schema, about: Omit<Common, 'description'>): Field {
  const schema = withoutNull(declared)
  const common: Common = { ...about, description: declared.description ?? schema.description ?? '' }
  if (schema.const !== undefined) return { ...common, kind: 'constant', value: schema.const }
  if (schema.enum !== undefined) return { ...common, kind: 'choice', options: schema.enum }
  if (schema.properties !== undefined)
    return { ...common, kind: 'group', fields: fieldsOf(schema, `${about.path}.`) }
  switch (schema.type) {
    case 'string':
      return { ...common, kind: 'text', schema }
    case 'integer':
    case 'number':
      return { ...common, kind: 'number', schema }
    case 'boolean':
      return { ...common, kind: 'flag' }
    default:
      return { ...common, kind: 'json', schema }
  }
}

/** A value that may also be null, which in these messages says the same as an absent one. */
function withoutNull(schema: Schema): Schema {
  const others = schema.anyOf?.filter(({ type }) => type !== 'null')
  return others?.length === 1 && others[0] ? { ...schema, ...others[0] } : schema
}

/** What a form begins with: an example of the whole, else of each field that is needed, else as little as will do. */
export function beginning(schema: Schema, fields: readonly Field[]): Values {
  const [example] = schema.examples ?? []
  return Object.fromEntries(
    fields.flatMap((field) => Object.entries(fill(field, isRecord(example) ? example : null))),
  )
}

function fill(field: Field, example: Readonly<Record<string, unknown>> | null): Values {
  const given = example?.[field.name]
  if (field.kind === 'group') {
    // A group that may be left out begins empty, its needed parts too.
    const within = isRecord(given) ? given : field.required ? null : {}
    return Object.assign({}, ...field.fields.map((inner) => fill(inner, within)))
  }
  if (example !== null) return { [field.path]: given === undefined ? '' : written(given) }
  return { [field.path]: field.required ? least(field) : '' }
}

function least(field: Exclude<Field, { readonly kind: 'group' }>): string {
  switch (field.kind) {
    case 'choice':
      return written(field.options[0])
    case 'flag':
      return 'false'
    case 'constant':
      return written(field.value)
    default: {
      const { examples = [], minimum = 0 } = field.schema
      return written(examples[0] ?? (field.kind === 'number' ? minimum : ''))
    }
  }
}

/** A value as a form holds it. */
export function written(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
