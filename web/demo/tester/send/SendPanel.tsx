import { useId, useState } from 'react'
import type { Person } from '../../data/types.ts'
import { useResource } from '../../data/useResource.ts'
import { Loaded } from '../../ui/Loaded.tsx'
import type { TestDevice } from '../device/testDevice.ts'
import type { NewEntry } from '../log/entry.ts'
import type { Schema } from './fields.ts'
import { MessageForm } from './MessageForm.tsx'

/** How one type of message is sent. `route` null: by a device itself. */
export interface Sendable {
  readonly route: string | null
  readonly schema: Schema
}

export interface SendPanelProps {
  readonly devices: readonly TestDevice[]
  readonly people: readonly Person[]
  readonly note: (entry: NewEntry) => void
}

/** Sends any message, as any caller or device. */
export function SendPanel(props: SendPanelProps) {
  const id = useId()
  const [chosen, setChosen] = useState('SHOOT_PROGRESS')
  const schemas = useResource<Readonly<Record<string, Sendable>>>('/demo/api/schemas')
  return (
    <section className="panel tester-panel" aria-labelledby={id}>
      <div className="tester-head">
        <h2 id={id}>Send</h2>
      </div>
      <Loaded resource={schemas} what="messages">
        {(known) => (
          <>
            <label className="field">
              Message
              <select className="input" value={chosen} onChange={({ target }) => setChosen(target.value)}>
                {Object.keys(known).map((type) => (
                  <option key={type}>{type}</option>
                ))}
              </select>
            </label>
            {Object.entries(known).map(([type, sendable]) => (
              // All of them are kept, so that what was filled in is still there on coming back.
              <div key={type} hidden={type !== chosen}>
                <MessageForm type={type} sendable={sendable} {...props} />
              </div>
            ))}
          </>
        )}
      </Loaded>
    </section>
  )
}
