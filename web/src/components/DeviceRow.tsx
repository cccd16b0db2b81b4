import { type KeyboardEvent, useEffect, useRef, useState } from 'react'
import type { DeviceState } from '../client/index.ts'
import { DeviceIcon } from './DeviceIcon.tsx'
import type { DeviceListLabels } from './labels.ts'
import { relativeTime } from './relativeTime.ts'
import { useAction } from './useAction.ts'
import { useNow } from './useNow.ts'

const MINUTE = 60_000

export interface DeviceRowProps {
  readonly device: DeviceState
  readonly onSignOut: ((device: DeviceState) => Promise<unknown>) | undefined
  /** The focus has nowhere to be any more. */
  readonly onSignedOut: () => void
  readonly labels: DeviceListLabels
  readonly locale: string
}

/** One device: what it is, whether it is there, and a way to sign it out. */
export function DeviceRow({ device, onSignOut, onSignedOut, labels, locale }: DeviceRowProps) {
  const { name, platform, online, reason, self } = device
  const signedOut = reason === 'signed-out'
  return (
    <li className="kull-device" data-online={online ? '' : undefined} data-self={self ? '' : undefined}>
      <DeviceIcon platform={platform} />
      <div className="kull-device-text">
        <span className="kull-device-name">{name ?? labels.unnamed}</span>
        <span className="kull-quiet">
          {platform !== null && labels.platforms[platform]}
          {platform !== null && !online && ' · '}
          {!online && <LastSeen since={device.since} labels={labels} locale={locale} />}
        </span>
      </div>
      <span className="kull-badges">
        {self && <span className="kull-badge">{labels.thisDevice}</span>}
        <span className="kull-badge" data-kind={online ? 'online' : 'offline'}>
          {online ? labels.online : signedOut ? labels.signedOut : labels.offline}
        </span>
      </span>
      {onSignOut && !signedOut && (
        <SignOut device={device} onSignOut={onSignOut} onSignedOut={onSignedOut} labels={labels} />
      )}
    </li>
  )
}

function LastSeen({ since, labels, locale }: { since: number } & Pick<DeviceRowProps, 'labels' | 'locale'>) {
  const now = useNow(MINUTE / 6)
  if (now === null) return null
  return (
    <time dateTime={new Date(since).toISOString()}>
      {labels.lastSeen(relativeTime(since, now, locale) ?? labels.justNow)}
    </time>
  )
}

interface SignOutProps extends Pick<DeviceRowProps, 'device' | 'labels' | 'onSignedOut'> {
  readonly onSignOut: (device: DeviceState) => Promise<unknown>
}

/** Asks before it does it. */
function SignOut({ device, onSignOut, onSignedOut, labels }: SignOutProps) {
  const [asking, setAsking] = useState(false)
  const { pending, failure, start, forget } = useAction()
  const first = useRef<HTMLButtonElement>(null)
  const group = useRef<HTMLDivElement>(null)
  const moved = useRef(false)
  const name = device.name ?? labels.unnamed
  // The focus goes along with the question, and back; not when this first appears.
  useEffect(() => {
    if (moved.current || asking) first.current?.focus()
    moved.current = asking
  }, [asking])
  const cancel = () => {
    forget()
    setAsking(false)
  }
  const confirm = async () => {
    if (!(await start(() => onSignOut(device)))) return
    const { activeElement } = document
    const lost = activeElement === document.body || group.current?.contains(activeElement)
    moved.current = false
    setAsking(false)
    // The news of it may have taken this row's buttons away by now, or will.
    if (lost) onSignedOut()
  }
  if (!asking)
    return (
      <button
        ref={first}
        type="button"
        className="kull-button"
        aria-label={`${labels.signOut}: ${name}`}
        onClick={() => setAsking(true)}
      >
        {labels.signOut}
      </button>
    )
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is for forms
    <div
      ref={group}
      role="group"
      aria-label={labels.confirm(name)}
      className="kull-confirm"
      onKeyDown={(event: KeyboardEvent) => event.key === 'Escape' && !pending && cancel()}
    >
      <span>{labels.confirm(name)}</span>
      <button
        ref={first}
        type="button"
        className="kull-button"
        aria-disabled={pending}
        onClick={() => !pending && cancel()}
      >
        {labels.cancel}
      </button>
      <button
        type="button"
        className="kull-button"
        data-kind="danger"
        aria-disabled={pending}
        onClick={confirm}
      >
        {pending ? labels.signingOut : labels.signOut}
      </button>
      {failure && (
        <p role="alert" className="kull-error">
          {labels.signOutFailed(failure.error)}
        </p>
      )}
    </div>
  )
}
