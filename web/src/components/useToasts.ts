import { useCallback, useState } from 'react'
import type { SyncToast } from './SyncEffects.tsx'

type AnyToast = Pick<SyncToast, 'key' | 'text'>

/** Keeps toasts for `<Toasts>`: `show` is what `<SyncEffects toast>` takes. */
export function useToasts(): {
  readonly toasts: readonly AnyToast[]
  readonly show: (toast: AnyToast) => void
  readonly dismiss: (key: string) => void
} {
  const [toasts, setToasts] = useState<readonly AnyToast[]>([])
  const dismiss = useCallback(
    (key: string) => setToasts((shown) => shown.filter((toast) => toast.key !== key)),
    [],
  )
  const show = useCallback(
    (toast: AnyToast) => setToasts((shown) => [...shown.filter(({ key }) => key !== toast.key), toast]),
    [],
  )
  return { toasts, show, dismiss }
}
