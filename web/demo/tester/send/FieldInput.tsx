import type { AriaAttributes } from 'react'
import { type Field, written } from './fields.ts'

export interface FieldInputProps {
  readonly id: string
  readonly field: Exclude<Field, { readonly kind: 'group' }>
  readonly value: string
  /** What is wrong with it. */
  readonly fault: string | null
  readonly onChange: (value: string) => void
}

/** One field, with its name as it is on the wire. */
export function FieldInput({ id, field, value, fault, onChange }: FieldInputProps) {
  const { name, description } = field
  const describedBy = [description && `${id}help`, fault !== null && `${id}fault`].filter(Boolean).join(' ')
  return (
    <div className="field tester-field">
      <label htmlFor={id}>
        <code>{name}</code>
      </label>
      <Control
        field={field}
        value={value}
        onChange={onChange}
        control={{
          id,
          className: 'input',
          'aria-invalid': fault !== null,
          ...(field.required && { 'aria-required': true }),
          ...(describedBy !== '' && { 'aria-describedby': describedBy }),
        }}
      />
      {fault !== null && (
        <p id={`${id}fault`} className="tester-fault">
          {fault}
        </p>
      )}
      {description && (
        <p id={`${id}help`} className="tester-help">
          {description}
        </p>
      )}
    </div>
  )
}

interface ControlProps extends Pick<FieldInputProps, 'field' | 'value' | 'onChange'> {
  readonly control: AriaAttributes & { readonly id: string; readonly className: string }
}

function Control({ field, value, onChange, control }: ControlProps) {
  const options = optionsOf(field)
  if (options !== null)
    return (
      <select {...control} value={value} onChange={({ target }) => onChange(target.value)}>
        {!field.required && <option value="">not given</option>}
        {options.map((option) => (
          <option key={option}>{option}</option>
        ))}
      </select>
    )
  return (
    <input
      {...control}
      type="text"
      inputMode={field.kind === 'number' ? 'decimal' : 'text'}
      autoComplete="off"
      spellCheck={false}
      value={value}
      onChange={({ target }) => onChange(target.value)}
    />
  )
}

/** What there is to choose from. Null: it is written. */
function optionsOf(field: FieldInputProps['field']): readonly string[] | null {
  switch (field.kind) {
    case 'choice':
      return field.options.map(written)
    case 'flag':
      return ['true', 'false']
    case 'constant':
      return [written(field.value)]
    default:
      return null
  }
}
