import { type ComponentPropsWithoutRef, useId } from 'react'
import type { DeviceState } from '../client/index.ts'
import { useDevices } from '../react/index.ts'
import { DeviceRow } from './DeviceRow.tsx'
import { DEVICE_LIST_LABELS, type DeviceListLabels } from './labels.ts'
import { useShownState } from './useShownState.ts'

export interface DeviceListProps extends Omit<ComponentPropsWithoutRef<'section'>, 'children'> {
  /**
   * Signs a device out, as with DELETE `/api/sync/devices/{device}`; called after the user has confirmed. A rejection
   * is shown. For this device (`self`) end the app's own login too. Without it nothing can be signed out.
   */
  readonly onSignOut?: (device: DeviceState) => Promise<unknown>
  readonly labels?: Partial<DeviceListLabels>
  /** BCP 47 tag for times. Default: `en`, as are the labels. */
  readonly locale?: string
}

/** The user's devices, live: this one first, then in an order that stays. */
export function DeviceList({ onSignOut, labels, locale = 'en', className, ...props }: DeviceListProps) {
  const devices = useDevices()
  const { shown } = useShownState()
  const words = { ...DEVICE_LIST_LABELS, ...labels }
  const heading = useId()
  const sorted = [...devices].sort((a, b) => Number(b.self) - Number(a.self))
  const online = devices.filter((device) => device.online).length
  const connected = shown === 'connected'
  return (
    <section
      aria-labelledby={heading}
      {...props}
      className={['kull-devices', className].filter(Boolean).join(' ')}
      data-stale={connected ? undefined : ''}
    >
      <header>
        <h2 id={heading}>{words.heading}</h2>
        {devices.length > 0 && <span className="kull-count">{words.count(online, devices.length)}</span>}
      </header>
      {devices.length === 0 && (
        <p className="kull-quiet">{connected || shown === 'disconnected' ? words.empty : words.loading}</p>
      )}
      {devices.length > 0 && !connected && <p className="kull-stale">{words.stale}</p>}
      <ul>
        {sorted.map((device) => (
          <DeviceRow
            key={device.deviceId}
            device={device}
            onSignOut={onSignOut}
            labels={words}
            locale={locale}
          />
        ))}
      </ul>
    </section>
  )
}
