import { type ReactNode, useEffect, useRef, useState } from 'react'
import { useSync } from '../react/index.ts'
import type { SyncIndicatorLabels } from './labels.ts'
import { stateLabel } from './stateLabel.ts'
import { useNow } from './useNow.ts'
import { useShownState } from './useShownState.ts'

const DAY = 24 * 60 * 60 * 1000
/** Pixels between the details and the edge of the window. */
const MARGIN = 8

export interface ConnectionDetailsProps {
  readonly id: string
  readonly labels: SyncIndicatorLabels
  readonly locale: string
}

/** State, since when, the next try, the round trip (measured when this appears), and a button to try at once. */
export function ConnectionDetails({ id, labels, locale }: ConnectionDetailsProps) {
  const client = useSync()
  const { state, shown } = useShownState()
  const [silent, setSilent] = useState(false)
  const root = useRef<HTMLDivElement>(null)
  const connected = state.status === 'connected'
  const now = useNow('nextRetryAt' in state && state.nextRetryAt !== null ? 1000 : null)

  const ping = () => {
    setSilent(false)
    client.ping().catch(() => setSilent(true))
  }
  // biome-ignore lint/correctness/useExhaustiveDependencies: once per connection
  useEffect(() => {
    if (connected) ping()
  }, [client, connected])
  useEffect(() => {
    if (root.current) keepInside(root.current)
  }, [])

  const retry = () => {
    if (connected) ping()
    if (state.status === 'disconnected') client.connect()
    else client.retryNow()
  }
  return (
    <div ref={root} className="kull-details">
      <div className="kull-details-body">
        <dl id={id}>
          <Row name={labels.state}>{stateLabel(state, shown, labels)}</Row>
          <Row name={labels.since}>
            <time dateTime={new Date(state.since).toISOString()}>
              {timeOf(state.since, client.seams.clock.date(), locale)}
            </time>
          </Row>
          {'nextRetryAt' in state && (
            <Row name={labels.nextTry}>
              {state.nextRetryAt === null || now === null
                ? labels.trying
                : labels.nextTryIn(Math.max(0, Math.ceil((state.nextRetryAt - now) / 1000)))}
            </Row>
          )}
          {connected && (
            <Row name={labels.roundTrip}>
              {silent && labels.noAnswer}
              {!silent &&
                (state.rttMs === null ? labels.measuring : labels.milliseconds(Math.round(state.rttMs)))}
            </Row>
          )}
        </dl>
        {!(state.status === 'disconnected' && state.reason === 'signed-out') && (
          <button type="button" className="kull-button" onClick={retry}>
            {connected ? labels.checkNow : labels.retryNow}
          </button>
        )}
      </div>
    </div>
  )
}

function Row({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}

function timeOf(time: number, now: number, locale: string): string {
  const day = now - time < DAY ? {} : ({ dateStyle: 'medium' } as const)
  return new Intl.DateTimeFormat(locale, { timeStyle: 'short', ...day }).format(time)
}

/** Moves what would stand out of the window. By CSSOM: a strict `style-src` refuses style attributes. */
function keepInside(element: HTMLElement): void {
  const { left, right } = element.getBoundingClientRect()
  const { clientWidth } = document.documentElement
  const shift = right > clientWidth - MARGIN ? clientWidth - MARGIN - right : 0
  element.style.setProperty('--kull-shift', `${Math.max(shift, MARGIN - left)}px`)
}
