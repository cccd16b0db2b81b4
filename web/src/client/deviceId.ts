import { newId } from './messages.ts'
import type { SyncStorage } from './storage.ts'
import { DEVICE_ID } from './wire.generated.ts'

const KEY = 'kull-sync:device'

/** The id of this browser as a device. It keeps one until the user signs out. */
export function browserDeviceId(storage: SyncStorage): string {
  const known = storage.getItem(KEY)
  if (known !== null && DEVICE_ID.test(known)) return known
  const id = newId()
  storage.setItem(KEY, id)
  return id
}

export function forgetDeviceId(storage: SyncStorage): void {
  storage.removeItem(KEY)
}
