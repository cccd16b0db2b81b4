import { useEffect, useId, useMemo, useRef, useState } from 'react'
import { Answer } from './Answer.tsx'
import { type Fault, read } from './body.ts'
import { beginning, fieldsOf } from './fields.ts'
import type { Outcome } from './post.ts'
import { SchemaForm } from './SchemaForm.tsx'
import { SenderField } from './SenderField.tsx'
import type { Sendable, SendPanelProps } from './SendPanel.tsx'
import { send, sendersOf } from './senders.ts'
import { FILLED_IN } from './uplink.ts'

export interface MessageFormProps extends SendPanelProps {
  readonly type: string
  readonly sendable: Sendable
}

/** A message of one type: its fields, who sends it, and what became of the last one. */
export function MessageForm({ type, sendable, devices, people, note }: MessageFormProps) {
  const { route, schema } = sendable
  const id = useId()
  const fields = useMemo(
    () => fieldsOf(schema).filter(({ name }) => !FILLED_IN[type]?.includes(name)),
    [schema, type],
  )
  const [values, setValues] = useState(() => beginning(schema, fields))
  const [checks, setChecks] = useState(true)
  const [idempotencyKey, setIdempotencyKey] = useState('')
  const [chosenSender, setSender] = useState('')
  const [faults, setFaults] = useState<readonly Fault[]>([])
  const [outcome, setOutcome] = useState<Outcome | 'pending' | null>(null)
  const form = useRef<HTMLFormElement>(null)
  const sending = useRef(0)
  const senders = sendersOf(route, devices, people)
  const sender = senders.find(({ key }) => key === chosenSender) ?? senders[0]

  useEffect(() => {
    if (faults.length > 0) form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus()
  }, [faults])

  const submit = async () => {
    if (sender === undefined) return
    const { body, faults: found } = read(schema, fields, values)
    if (checks && found.length > 0) {
      setOutcome({ ok: false, title: 'Not sent', ms: 0, facts: {}, faults: found, answer: null })
      setFaults(found)
      return
    }
    sending.current += 1
    const turn = sending.current
    setFaults([])
    setOutcome('pending')
    const became = await send(sender, { type, route, body, idempotencyKey })
    note({
      source: sender.name,
      type: 'sent',
      summary: `${type}: ${became.title}`,
      data: { type, body, answer: became.answer },
    })
    // Of two that are under way, the answer to the later one is shown.
    if (sending.current !== turn) return
    setOutcome(became)
    setFaults(became.faults)
  }
  return (
    <form
      ref={form}
      className="tester-form"
      noValidate
      onSubmit={(event) => {
        event.preventDefault()
        void submit()
      }}
    >
      <p className="quiet">{route === null ? 'A device publishes it itself.' : <code>POST {route}</code>}</p>
      <SchemaForm
        idPrefix={id}
        fields={fields}
        values={values}
        faults={faults}
        onChange={(path, value) => {
          setValues({ ...values, [path]: value })
          setOutcome(null)
        }}
      />
      <SenderField senders={senders} sender={sender} onChange={setSender} />
      {route !== null && (
        <label className="field">
          Idempotency-Key
          <input
            className="input"
            value={idempotencyKey}
            placeholder="none"
            autoComplete="off"
            onChange={({ target }) => setIdempotencyKey(target.value)}
          />
        </label>
      )}
      <label className="check quiet">
        <input type="checkbox" checked={checks} onChange={({ target }) => setChecks(target.checked)} />
        Check it here before it is sent
      </label>
      <div className="panel-actions">
        <button type="submit" className="button button-primary">
          Send {type}
        </button>
      </div>
      <Answer outcome={outcome} />
    </form>
  )
}
