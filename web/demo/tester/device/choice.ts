import type { Platform } from '@kull/sync'
import type { DeviceChoice } from './testDevice.ts'

/** Whatever a device can be; the platforms of DEVICE_CONNECTED. */
export const PLATFORMS = [
  'web',
  'iphone',
  'ipad',
  'mac',
  'windows',
  'android',
  'worker',
] as const satisfies readonly Platform[]

/** Ids (PROTOCOL.md) as an input's `pattern`. */
export const USER_ID_PATTERN = '[!"%-*,-.0-~]{1,128}'
export const DEVICE_ID_PATTERN = '[!"%-*,-.0-9;-~]{1,128}'

/** What was chosen in `DeviceFields`. */
export function choiceOf(form: FormData): DeviceChoice {
  const text = (name: string) => String(form.get(name) ?? '')
  return {
    userId: text('userId'),
    deviceId: text('deviceId'),
    name: text('name'),
    platform: PLATFORMS.find((platform) => platform === text('platform')) ?? 'web',
  }
}
