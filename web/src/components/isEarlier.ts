import type { DeviceState } from '../client/index.ts'

const DAY = 24 * 60 * 60 * 1000
/** Milliseconds that a device which was signed out is still shown among the others: long enough to see that it was. */
const SIGNED_OUT_FOR = DAY
/** Milliseconds that a device may be away before it is not looked for any more. */
const AWAY_FOR = 7 * DAY

/**
 * Whether a device is history rather than one of those that the user has at hand. The broker remembers each for 30
 * days: whoever signs in and out, or clears the browser's data, leaves one behind each time.
 */
export function isEarlier({ name, online, reason, since, self }: DeviceState, now: number): boolean {
  if (online || self) return false
  // One that nobody here can tell by its name was gone before this browser first heard of it.
  return name === null || now - since >= (reason === 'signed-out' ? SIGNED_OUT_FOR : AWAY_FOR)
}
