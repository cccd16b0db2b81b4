import { useId } from 'react'
import type { Fault } from './faultyTransport.ts'
import type { TestDevice } from './testDevice.ts'
import type { SessionFault } from './testSession.ts'

const NETWORKS = { none: 'Up', cut: 'Cut', silent: 'Silent' } as const satisfies Record<Fault, string>
const SESSIONS = {
  none: 'Answers',
  unavailable: 'Is down (503)',
  refused: 'Refuses (401)',
} as const satisfies Record<SessionFault, string>

export interface FaultFieldsProps {
  readonly device: TestDevice
  readonly network: Fault
  readonly lifetime: number | null
  readonly sessionFault: SessionFault
}

/** What is to go wrong with a device. */
export function FaultFields({ device, network, lifetime, sessionFault }: FaultFieldsProps) {
  const id = useId()
  const active = [
    network !== 'none' && `network ${NETWORKS[network].toLowerCase()}`,
    lifetime !== null && `tokens of ${lifetime} s`,
    sessionFault !== 'none' && 'no session',
  ].filter((fault) => fault !== false)
  return (
    <details className="tester-more">
      <summary>
        Simulate faults{active.length > 0 && <span className="tester-active">: {active.join(', ')}</span>}
      </summary>
      <div className="tester-fields">
        <fieldset className="tester-wide">
          <legend className="tester-legend">Network</legend>
          <div className="choice">
            {(Object.keys(NETWORKS) as Fault[]).map((fault) => (
              <label key={fault}>
                <input
                  type="radio"
                  name={`${id}network`}
                  checked={fault === network}
                  onChange={() => {
                    device.network = fault
                  }}
                />
                <span>{NETWORKS[fault]}</span>
              </label>
            ))}
          </div>
        </fieldset>
        <p className="quiet tester-wide">
          Cut: the connection breaks at once. Silent: nothing arrives any more, and the device has to find
          out.
        </p>
        <label className="field">
          Token life in s
          <input
            className="input"
            type="number"
            min={1}
            max={86_400}
            placeholder="as usual"
            defaultValue={lifetime ?? ''}
            aria-describedby={`${id}next`}
            onChange={({ target }) => {
              device.lifetime = target.validity.valid && target.value !== '' ? target.valueAsNumber : null
            }}
          />
        </label>
        <label className="field">
          Session function
          <select
            className="input"
            value={sessionFault}
            aria-describedby={`${id}next`}
            onChange={({ target }) => {
              device.sessionFault = target.value as SessionFault
            }}
          >
            {Object.entries(SESSIONS).map(([fault, name]) => (
              <option key={fault} value={fault}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <p id={`${id}next`} className="quiet tester-wide">
          Both count from the next session on. With a short life and no session to follow, a token truly ends.
        </p>
      </div>
    </details>
  )
}
