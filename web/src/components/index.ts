export { DeviceList, type DeviceListProps } from './DeviceList.tsx'
export type {
  DeviceListLabels,
  ShootProgressLabels,
  SyncEffectsLabels,
  SyncIndicatorLabels,
  ToastsLabels,
} from './labels.ts'
export { ShootProgress, type ShootProgressProps } from './ShootProgress.tsx'
export { SyncEffects, type SyncEffectsProps, type SyncToast } from './SyncEffects.tsx'
export { SyncIndicator, type SyncIndicatorProps } from './SyncIndicator.tsx'
export { Toasts, type ToastsProps } from './Toasts.tsx'
export type { OnFinished } from './useFinished.ts'
export { useToasts } from './useToasts.ts'
