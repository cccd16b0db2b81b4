import type { Platform } from '../client/index.ts'

/** What the components say. Each takes other words, all or some, as its `labels`. */
export interface SyncIndicatorLabels {
  readonly connected: string
  readonly connecting: string
  readonly reconnecting: string
  readonly disconnected: string
  readonly signedOut: string
  readonly unauthorized: string
  /** Names what opens by hover, focus or click. */
  readonly details: string
  readonly state: string
  readonly since: string
  readonly nextTry: string
  readonly nextTryIn: (seconds: number) => string
  readonly trying: string
  readonly roundTrip: string
  readonly milliseconds: (ms: number) => string
  readonly measuring: string
  readonly noAnswer: string
  readonly retryNow: string
  readonly checkNow: string
}

export const INDICATOR_LABELS: SyncIndicatorLabels = {
  connected: 'Connected',
  connecting: 'Connecting…',
  reconnecting: 'Reconnecting…',
  disconnected: 'Disconnected',
  signedOut: 'Signed out',
  unauthorized: 'Not signed in',
  details: 'Connection',
  state: 'State',
  since: 'Since',
  nextTry: 'Next try',
  nextTryIn: (seconds) => `in ${seconds} s`,
  trying: 'now',
  roundTrip: 'Round trip',
  milliseconds: (ms) => `${ms} ms`,
  measuring: 'measuring…',
  noAnswer: 'no answer',
  retryNow: 'Retry now',
  checkNow: 'Check now',
}

export interface DeviceListLabels {
  readonly heading: string
  readonly count: (online: number, total: number) => string
  readonly empty: string
  readonly loading: string
  /** Names what unfolds to so many more: of no known name, signed out, or long away. */
  readonly earlier: (count: number) => string
  /** While not connected: the list may be out of date. */
  readonly stale: string
  readonly thisDevice: string
  readonly online: string
  readonly offline: string
  readonly signedOut: string
  /** A device whose name this page was never told. */
  readonly unnamed: string
  readonly platforms: Readonly<Record<Platform, string>>
  readonly lastSeen: (when: string) => string
  readonly justNow: string
  readonly signOut: string
  readonly confirm: (name: string) => string
  readonly cancel: string
  readonly signingOut: string
  readonly signOutFailed: (error: unknown) => string
}

export const DEVICE_LIST_LABELS: DeviceListLabels = {
  heading: 'Devices',
  count: (online, total) => `${online} of ${total} online`,
  empty: 'No devices yet',
  loading: 'Looking for devices…',
  earlier: (count) => `Earlier devices (${count})`,
  stale: 'Not connected: this may be out of date',
  thisDevice: 'This device',
  online: 'Online',
  offline: 'Offline',
  signedOut: 'Signed out',
  unnamed: 'Unnamed device',
  platforms: {
    iphone: 'iPhone',
    ipad: 'iPad',
    mac: 'Mac',
    web: 'Web',
    windows: 'Windows',
    android: 'Android',
    worker: 'Worker',
  },
  lastSeen: (when) => `Last seen ${when}`,
  justNow: 'just now',
  signOut: 'Sign out',
  confirm: (name) => `Sign out ${name}?`,
  cancel: 'Cancel',
  signingOut: 'Signing out…',
  signOutFailed: (error) => `Signing out failed: ${messageOf(error)}`,
}

export interface ShootProgressLabels {
  readonly queued: string
  readonly processing: string
  readonly completed: string
  readonly failed: string
  readonly loading: string
  /** Connected, and nothing is known of this shoot. */
  readonly unknown: string
  /** While not connected: what is shown may be out of date. */
  readonly stale: string
  readonly images: (processed: number, total: number) => string
  readonly currentImage: (name: string) => string
  readonly remaining: (seconds: number) => string
  readonly retry: string
  readonly retryFailed: (error: unknown) => string
  /** A shoot that failed without saying why. */
  readonly noReason: string
}

export const SHOOT_PROGRESS_LABELS: ShootProgressLabels = {
  queued: 'Queued',
  processing: 'Processing',
  completed: 'Completed',
  failed: 'Failed',
  loading: 'Loading…',
  unknown: 'No progress yet',
  stale: 'Not connected: this may be out of date',
  images: (processed, total) => `${processed} of ${total} images`,
  currentImage: (name) => `Now: ${name}`,
  remaining,
  retry: 'Try again',
  retryFailed: (error) => `Trying again failed: ${messageOf(error)}`,
  noReason: 'Something went wrong.',
}

export interface SyncEffectsLabels {
  /** One change, or several in a burst added up. */
  readonly credits: (balance: number, change: number) => string
  readonly devices: (names: readonly string[]) => string
}

export const SYNC_EFFECTS_LABELS: SyncEffectsLabels = {
  credits: (balance, change) => `Balance: ${balance} credits (${change < 0 ? '−' : '+'}${Math.abs(change)})`,
  devices: (names) =>
    names.length > 3
      ? `${names.length} devices are online`
      : // In Unicode's isolates: what is written from right to left does not turn round the rest.
        `\u2068${names.join('\u2069, \u2068')}\u2069 ${names.length === 1 ? 'is' : 'are'} online`,
}

export interface ToastsLabels {
  readonly region: string
  readonly dismiss: string
}

export const TOASTS_LABELS: ToastsLabels = { region: 'Notifications', dismiss: 'Dismiss' }

function remaining(seconds: number): string {
  if (seconds < 1) return 'Any moment now'
  const parts = [
    [Math.floor(seconds / 3600), 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    // Nobody plans by the second of what takes hours.
    [seconds < 3600 ? seconds % 60 : 0, 's'],
  ] as const
  const text = parts.filter(([amount]) => amount > 0).map(([amount, unit]) => `${amount} ${unit}`)
  return `${text.join(' ')} left`
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
