import { type ComponentPropsWithoutRef, useEffect, useRef, useState } from 'react'
import { useSync } from '../react/index.ts'
import { useNewest } from '../react/useNewest.ts'
import { classes } from './classes.ts'
import { TOASTS_LABELS, type ToastsLabels } from './labels.ts'
import type { SyncToast } from './SyncEffects.tsx'

/** Milliseconds that a toast shows. */
const SHOWN_FOR = 6000

export interface ToastsProps extends Omit<ComponentPropsWithoutRef<'section'>, 'children'> {
  /** As `useToasts` keeps them, or the app. */
  readonly toasts: readonly Pick<SyncToast, 'key' | 'text'>[]
  readonly onDismiss: (key: string) => void
  readonly labels?: Partial<ToastsLabels>
}

/** Shows toasts, politely: they go by themselves, but not while the pointer or the focus is on them. */
export function Toasts({ toasts, onDismiss, labels, className, ...props }: ToastsProps) {
  const words = { ...TOASTS_LABELS, ...labels }
  const [held, setHeld] = useState(false)
  const root = useRef<HTMLElement>(null)
  const dismiss = (key: string) => {
    // The button goes with its toast; the focus stays near.
    root.current?.focus()
    onDismiss(key)
  }
  return (
    <section
      ref={root}
      aria-label={words.region}
      tabIndex={-1}
      {...props}
      className={classes('kull-toasts', className)}
    >
      {/* Only what is new is read out, not all that shows. */}
      <div
        role="status"
        aria-atomic="false"
        className="kull-toasts-list"
        onPointerEnter={() => setHeld(true)}
        onPointerLeave={() => setHeld(false)}
        onFocus={() => setHeld(true)}
        onBlur={() => setHeld(false)}
      >
        {toasts.map((toast) => (
          <Toast
            key={toast.key}
            toast={toast}
            held={held}
            onTimeout={onDismiss}
            onDismiss={dismiss}
            label={words.dismiss}
          />
        ))}
      </div>
    </section>
  )
}

interface ToastProps extends Pick<ToastsProps, 'onDismiss'> {
  readonly onTimeout: (key: string) => void
  readonly toast: Pick<SyncToast, 'key' | 'text'>
  readonly held: boolean
  readonly label: string
}

function Toast({ toast, held, onTimeout, onDismiss, label }: ToastProps) {
  const { key, text } = toast
  const { clock } = useSync().seams
  const newest = useNewest(onTimeout)
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new text shows for as long as a new toast
  useEffect(() => {
    if (held) return
    const cancel = clock.after(SHOWN_FOR, () => newest.current(key))
    return () => void cancel()
  }, [clock, held, key, text, newest])
  return (
    <div className="kull-toast">
      <span>{text}</span>
      <button
        type="button"
        className="kull-button"
        aria-label={`${label}: ${text}`}
        onClick={() => onDismiss(key)}
      >
        <svg viewBox="0 0 16 16" width="12" height="12" aria-hidden="true">
          <path d="M3 3l10 10M13 3L3 13" stroke="currentColor" strokeWidth="2" strokeLinecap="round" />
        </svg>
      </button>
    </div>
  )
}
