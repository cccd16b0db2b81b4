import { type ComponentPropsWithoutRef, useEffect, useState } from 'react'
import { useSync } from '../react/index.ts'
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
  return (
    <section
      aria-label={words.region}
      {...props}
      className={['kull-toasts', className].filter(Boolean).join(' ')}
      onPointerEnter={() => setHeld(true)}
      onPointerLeave={() => setHeld(false)}
      onFocus={() => setHeld(true)}
      onBlur={() => setHeld(false)}
    >
      <div role="status">
        {toasts.map((toast) => (
          <Toast key={toast.key} toast={toast} held={held} onDismiss={onDismiss} dismiss={words.dismiss} />
        ))}
      </div>
    </section>
  )
}

interface ToastProps extends Pick<ToastsProps, 'onDismiss'> {
  readonly toast: Pick<SyncToast, 'key' | 'text'>
  readonly held: boolean
  readonly dismiss: string
}

function Toast({ toast, held, onDismiss, dismiss }: ToastProps) {
  const { clock } = useSync().seams
  useEffect(() => {
    if (held) return
    const cancel = clock.after(SHOWN_FOR, () => onDismiss(toast.key))
    return () => void cancel()
  }, [clock, held, toast, onDismiss])
  return (
    <div className="kull-toast">
      <span>{toast.text}</span>
      <button type="button" className="kull-button" aria-label={dismiss} onClick={() => onDismiss(toast.key)}>
        <svg viewBox="0 0 16 16" width="12" height="12" aria-hidden="true">
          <path d="M3 3l10 10M13 3L3 13" stroke="currentColor" strokeWidth="2" strokeLinecap="round" />
        </svg>
      </button>
    </div>
  )
}
