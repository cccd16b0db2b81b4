/**
 * Parsers of what arrives: a value of the right shape, or a Fault that names the field.
 *
 * They copy what they know and leave out the rest, so that nothing a newer sender adds gets in the way, and no
 * value is shared with who sent it. As the models in mqtt_bridge they convert nothing: "5" is no number.
 */

/** Something is not as the contract wants it. `field` is its path, empty for the whole. */
export class Fault extends Error {
  override readonly name = 'Fault'

  constructor(
    readonly field: string,
    readonly detail: string,
  ) {
    super(field ? `${field} ${detail}` : detail)
  }
}

/** Returns the value, or throws a Fault that names `path`. */
export type Parse<T> = (value: unknown, path: string) => T

type Rule<T> = (value: unknown) => value is T

function must<T>(rule: Rule<T>, detail: string): Parse<T> {
  return (value, path) => {
    if (rule(value)) return value
    throw new Fault(path, detail)
  }
}

/** A text that a pattern describes, or of so many characters. */
export function text(rule: RegExp | number = 0, max = Number.POSITIVE_INFINITY): Parse<string> {
  if (typeof rule !== 'number')
    return must(
      (value): value is string => typeof value === 'string' && rule.test(value),
      `must match ${rule}`,
    )
  return must(
    // Characters as Unicode counts them, which is never more than JavaScript does.
    (value): value is string =>
      typeof value === 'string' && value.length >= rule && (value.length <= max || [...value].length <= max),
    'must be a text of the right length',
  )
}

export const whole = (min: number, max = Number.MAX_SAFE_INTEGER): Parse<number> =>
  must(
    (value): value is number =>
      Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max,
    `must be a whole number from ${min} to ${max}`,
  )

export const real = (min: number, max = Number.MAX_SAFE_INTEGER): Parse<number> =>
  must(
    (value): value is number => typeof value === 'number' && value >= min && value <= max,
    `must be a number from ${min} to ${max}`,
  )

export const flag: Parse<boolean> = must((value) => typeof value === 'boolean', 'must be true or false')

export const oneOf = <const T>(...values: T[]): Parse<T> =>
  must((value): value is T => values.includes(value as T), `must be one of ${values.join(', ')}`)

export const nullable =
  <T>(parse: Parse<T>): Parse<T | null> =>
  (value, path) =>
    value === null ? null : parse(value, path)

/** Absent and null are the same; then it is `otherwise`. */
export const optional =
  <T, O = undefined>(parse: Parse<T>, otherwise?: O): Parse<T | O> =>
  (value, path) =>
    value == null ? (otherwise as O) : parse(value, path)

export const list =
  <T>(parse: Parse<T>, min: number): Parse<readonly T[]> =>
  (value, path) => {
    if (Array.isArray(value) && value.length >= min)
      return value.map((item, index) => parse(item, `${path}.${index}`))
    throw new Fault(path, `must be a list of at least ${min}`)
  }

/** An object with these fields. The result is frozen, because many handlers are given the same one. */
export const record =
  <T extends object>(fields: { readonly [K in keyof T]-?: Parse<T[K]> }): Parse<T> =>
  (value, path) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw new Fault(path, 'must be an object')
    const parsed: Partial<T> = {}
    for (const name in fields) {
      const field = fields[name](
        Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined,
        path ? `${path}.${name}` : name,
      )
      if (field !== undefined) parsed[name] = field
    }
    return Object.freeze(parsed) as T
  }
