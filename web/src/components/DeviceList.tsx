import { type ComponentPropsWithoutRef, useId, useRef } from 'react'
import type { DeviceState } from '../client/index.ts'
import { useDevices } from '../react/index.ts'
import { classes } from './classes.ts'
import { DeviceRow } from './DeviceRow.tsx'
import { isEarlier } from './isEarlier.ts'
import { DEVICE_LIST_LABELS, type DeviceListLabels } from './labels.ts'
import { useNow } from './useNow.ts'
import { useSettled } from './useSettled.ts'
import { useShownState } from './useShownState.ts'

const HOUR = 60 * 60 * 1000

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

/**
 * The user's devices, live: this one first, then in an order that stays. Folded away: those without a name, those
 * that were signed out for a day or away for a week, the newest first.
 */
export function DeviceList({ onSignOut, labels, locale = 'en', className, ...props }: DeviceListProps) {
  const devices = useDevices()
  const { shown } = useShownState()
  const settled = useSettled()
  const words = { ...DEVICE_LIST_LABELS, ...labels }
  const id = useId()
  const heading = useRef<HTMLHeadingElement>(null)
  const now = useNow(HOUR) ?? 0
  const earlier = devices.filter((device) => isEarlier(device, now)).sort((a, b) => b.since - a.since)
  const present = devices
    .filter((device) => !earlier.includes(device))
    .sort((a, b) => Number(b.self) - Number(a.self))
  const online = present.filter((device) => device.online).length
  const connected = shown === 'connected'
  const row = (device: DeviceState) => (
    <DeviceRow
      key={device.deviceId}
      device={device}
      onSignOut={onSignOut}
      onSignedOut={() => heading.current?.focus()}
      labels={words}
      locale={locale}
    />
  )
  return (
    <section
      aria-labelledby={id}
      {...props}
      className={classes('kull-devices', className)}
      data-stale={connected ? undefined : ''}
    >
      <header>
        {/* It takes the focus from a button that goes with what it has done. */}
        <h2 ref={heading} id={id} tabIndex={-1} className="kull-devices-heading">
          {words.heading}
        </h2>
        {present.length > 0 && <span className="kull-count">{words.count(online, present.length)}</span>}
      </header>
      {present.length === 0 && <p className="kull-quiet">{settled ? words.empty : words.loading}</p>}
      {devices.length > 0 && !connected && <p className="kull-stale">{words.stale}</p>}
      <ul>{present.map(row)}</ul>
      {earlier.length > 0 && (
        <details>
          <summary>{words.earlier(earlier.length)}</summary>
          <ul>{earlier.map(row)}</ul>
        </details>
      )}
    </section>
  )
}
