import { useSyncExternalStore } from 'react'
import type { DeviceState } from '../client/index.ts'
import { useSync } from './context.ts'

/** The user's devices, this one included, in an order that stays. */
export function useDevices(): readonly DeviceState[] {
  const { devices } = useSync()
  return useSyncExternalStore(devices.subscribe, devices.list, none)
}

const NONE: readonly DeviceState[] = []
/** What a server knows of devices. */
const none = () => NONE
