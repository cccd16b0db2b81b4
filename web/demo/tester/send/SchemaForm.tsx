import { useState } from 'react'
import type { Fault } from './body.ts'
import { FieldInput } from './FieldInput.tsx'
import type { Field, Values } from './fields.ts'

export interface SchemaFormProps {
  readonly idPrefix: string
  readonly fields: readonly Field[]
  readonly values: Values
  /** Those that name a field are shown at it. */
  readonly faults: readonly Fault[]
  readonly onChange: (path: string, value: string) => void
}

/** What a schema asks for. What may be left out is folded away while nothing is wrong with it. */
export function SchemaForm(props: SchemaFormProps) {
  const { fields, values, faults } = props
  const [opened, setOpened] = useState(false)
  const needed = fields.filter(({ required }) => required)
  const optional = fields.filter(({ required }) => !required)
  const concerns = (path: string) =>
    faults.some(({ field }) => field === path || field.startsWith(`${path}.`))
  const filled = optional.filter(({ path }) => (values[path] ?? '') !== '').length
  return (
    <>
      {needed.length > 0 && (
        <div className="tester-fields">
          {needed.map((field) => (
            <FieldOrGroup key={field.path} field={field} {...props} />
          ))}
        </div>
      )}
      {optional.length > 0 && (
        <details
          className="tester-more"
          open={opened || optional.some(({ path }) => concerns(path))}
          onToggle={({ currentTarget }) => setOpened(currentTarget.open)}
        >
          <summary>
            Optional fields: {filled} of {optional.length}
          </summary>
          <div className="tester-fields">
            {optional.map((field) => (
              <FieldOrGroup key={field.path} field={field} {...props} />
            ))}
          </div>
        </details>
      )}
    </>
  )
}

function FieldOrGroup({ field, ...props }: SchemaFormProps & { readonly field: Field }) {
  const { idPrefix, values, faults, onChange } = props
  if (field.kind === 'group')
    return (
      <fieldset className="tester-group tester-wide">
        <legend>{field.name}</legend>
        {field.description && <p className="quiet">{field.description}</p>}
        <SchemaForm {...props} fields={field.fields} />
      </fieldset>
    )
  return (
    <FieldInput
      id={`${idPrefix}${field.path}`}
      field={field}
      value={values[field.path] ?? ''}
      fault={faults.find(({ field: path }) => path === field.path)?.detail ?? null}
      onChange={(value) => onChange(field.path, value)}
    />
  )
}
