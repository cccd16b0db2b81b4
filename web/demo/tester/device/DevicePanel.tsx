import { SyncIndicator } from '@kull/sync/components'
import { SyncProvider } from '@kull/sync/react'
import { useId, useRef, useSyncExternalStore } from 'react'
import type { Person } from '../../data/types.ts'
import { choiceOf } from './choice.ts'
import { DeviceFields } from './DeviceFields.tsx'
import { FaultFields } from './FaultFields.tsx'
import type { TestDevice } from './testDevice.ts'
import { useClientState } from './useClientState.ts'

export interface DevicePanelProps {
  readonly device: TestDevice
  readonly people: readonly Person[]
  /** Takes the device away. */
  readonly onRemove?: () => void
}

/** A device: who it is, whether it is connected, and what is to go wrong. */
export function DevicePanel({ device, people, onRemove }: DevicePanelProps) {
  const id = useId()
  const toggle = useRef<HTMLButtonElement>(null)
  const { client, network, lifetime, fault } = useSyncExternalStore(device.subscribe, device.getSnapshot)
  const state = useClientState(client)
  const isOn = state !== null && state.status !== 'disconnected'
  return (
    <section className="panel tester-panel" aria-labelledby={id}>
      <div className="tester-head">
        <h2 id={id}>{device.label}</h2>
        {client && (
          <SyncProvider client={client}>
            <SyncIndicator />
          </SyncProvider>
        )}
      </div>
      <form
        className="tester-form"
        onSubmit={(event) => {
          event.preventDefault()
          // The fields are about to go, with the focus if it is there.
          toggle.current?.focus()
          if (isOn) void client?.disconnect()
          else device.connect(choiceOf(new FormData(event.currentTarget)))
        }}
      >
        <DeviceFields device={device} people={people} hidden={isOn} />
        {isOn && client?.identity && (
          <p className="quiet">
            {client.identity.userId} on <code>{client.identity.deviceId}</code>
          </p>
        )}
        <div className="panel-actions">
          <button ref={toggle} type="submit" className={isOn ? 'button' : 'button button-primary'}>
            {isOn ? 'Disconnect' : 'Connect'}
          </button>
          {onRemove && (
            <button type="button" className="button" onClick={onRemove}>
              Remove
            </button>
          )}
        </div>
      </form>
      <FaultFields device={device} network={network} lifetime={lifetime} sessionFault={fault} />
    </section>
  )
}
