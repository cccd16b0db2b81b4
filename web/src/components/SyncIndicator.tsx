import { type ComponentPropsWithoutRef, useEffect, useId, useRef, useState } from 'react'
import type { SyncState } from '../client/index.ts'
import { ConnectionDetails } from './ConnectionDetails.tsx'
import { classes } from './classes.ts'
import { INDICATOR_LABELS, type SyncIndicatorLabels } from './labels.ts'
import { stateLabel } from './stateLabel.ts'
import { useShownState } from './useShownState.ts'

export interface SyncIndicatorProps extends Omit<ComponentPropsWithoutRef<'div'>, 'children'> {
  readonly labels?: Partial<SyncIndicatorLabels>
  /** BCP 47 tag for the time of day. Default: `en`, as are the labels. */
  readonly locale?: string
}

/**
 * Says whether this app is in step, by colour, shape and word; hover, focus or click tells more. `data-state` on the
 * root is the status as shown: a loss that is shorter than the client's `graceMs` is none.
 */
export function SyncIndicator({ labels, locale = 'en', className, ...props }: SyncIndicatorProps) {
  const { state, shown } = useShownState()
  const words = { ...INDICATOR_LABELS, ...labels }
  const root = useRef<HTMLDivElement>(null)
  const trigger = useRef<HTMLButtonElement>(null)
  const [open, setOpen] = useState(false)
  const id = useId()
  useEffect(() => {
    if (!open) return
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.key !== 'Escape') return
      if (root.current?.contains(document.activeElement)) trigger.current?.focus()
      setOpen(false)
    }
    const onPointerDown = ({ target }: PointerEvent) => {
      if (!root.current?.contains(target as Node)) setOpen(false)
    }
    document.addEventListener('keydown', onKeyDown)
    document.addEventListener('pointerdown', onPointerDown)
    return () => {
      document.removeEventListener('keydown', onKeyDown)
      document.removeEventListener('pointerdown', onPointerDown)
    }
  }, [open])
  return (
    <div {...props} className={classes('kull-indicator', className)} data-state={shown}>
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset is for forms */}
      <div
        ref={root}
        role="group"
        aria-label={words.details}
        onPointerEnter={({ pointerType }) => pointerType !== 'touch' && setOpen(true)}
        onPointerLeave={({ pointerType }) => {
          if (pointerType !== 'touch' && !root.current?.contains(document.activeElement)) setOpen(false)
        }}
        onFocus={() => setOpen(true)}
        onBlur={({ relatedTarget }) => {
          if (!root.current?.contains(relatedTarget)) setOpen(false)
        }}
      >
        <span role="status">
          <button
            ref={trigger}
            type="button"
            className="kull-indicator-button"
            aria-expanded={open}
            aria-describedby={open ? id : undefined}
            onClick={() => setOpen(true)}
          >
            <StateShape status={shown} />
            <span className="kull-indicator-label">{stateLabel(state, shown, words)}</span>
          </button>
        </span>
        {open && <ConnectionDetails id={id} labels={words} locale={locale} />}
      </div>
    </div>
  )
}

/** A disc, a broken ring, a cross: told apart without colour. */
function StateShape({ status }: { readonly status: SyncState['status'] }) {
  return (
    <svg className="kull-indicator-shape" viewBox="0 0 16 16" width="12" height="12" aria-hidden="true">
      {status === 'connected' && <circle cx="8" cy="8" r="7" fill="currentColor" />}
      {(status === 'connecting' || status === 'reconnecting') && (
        <circle
          cx="8"
          cy="8"
          r="6"
          fill="none"
          stroke="currentColor"
          strokeWidth="3"
          strokeDasharray="6.3 3.1"
        />
      )}
      {status === 'disconnected' && (
        <path d="M3 3l10 10M13 3L3 13" stroke="currentColor" strokeWidth="3" strokeLinecap="round" />
      )}
    </svg>
  )
}
