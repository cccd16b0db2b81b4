import { BACKOFF, type Backoff } from './backoff.ts'
import { type Clock, createClock } from './clock.ts'
import { SyncError } from './errors.ts'
import { lazyTransport } from './lazyTransport.ts'
import { browserPage, type Page } from './page.ts'
import type { GetSession } from './session.ts'
import { browserStorage, type SyncStorage } from './storage.ts'
import { browserTabs, type Tabs } from './tabs.ts'
import type { Transport } from './transport.ts'
import { DEVICE_ID, type DeviceConnected } from './wire.generated.ts'

export type Platform = DeviceConnected['platform']

export interface DeviceOptions {
  /**
   * 1 to 128 printable ASCII characters without space and `/ + # $ :`. Default: one that the browser keeps until the
   * user signs out, the same for all its tabs. Where tabs cannot share (no Web Locks, or no browser) the default is
   * a guest: a device as long as the page lives, that leaves nothing behind. Give one there only if nobody else has
   * it, as in a desktop app.
   */
  readonly id?: string
  /** As other devices show it. Default: `Browser`. */
  readonly name?: string
  /** Default: `web`. */
  readonly platform?: Platform
  readonly appVersion?: string
}

export interface SyncOptions {
  readonly getSession: GetSession
  readonly device?: DeviceOptions
  /**
   * Tabs of the same group share one connection and one presence. Give the user's id where two tabs of a browser may
   * have two users signed in. Default: one group for all.
   */
  readonly tabGroup?: string
  readonly backoff?: Partial<Backoff>
  /** Seconds between signs of life, at most what the session answer says. Default: 30. */
  readonly keepAliveSec?: number
  /** Milliseconds that the broker has to answer when the page wakes. Default: 5000. */
  readonly probeTimeoutMs?: number
  /** Milliseconds of trouble that are not worth showing. Default: 3000. */
  readonly graceMs?: number
  /** Told of messages that were dropped, once per kind, and of handlers that threw. Default: `console.error`. */
  readonly onError?: (error: SyncError) => void

  readonly transport?: Transport
  readonly clock?: Clock
  readonly page?: Page
  readonly storage?: SyncStorage
  /** How tabs find each other. Null: this one stays by itself. */
  readonly tabs?: Tabs | null
  /** From 0 up to 1. */
  readonly random?: () => number
}

/** Options with every default filled in. */
export interface Settings extends Required<Omit<SyncOptions, 'device' | 'backoff'>> {
  readonly device: Required<Pick<DeviceOptions, 'name' | 'platform'>> & DeviceOptions
  readonly backoff: Backoff
}

/** Fills in the defaults. Throws a SyncError `invalid-option` that names the option. */
export function settle(options: SyncOptions): Settings {
  const { device = {}, clock = createClock() } = options
  const settings: Settings = {
    keepAliveSec: 30,
    probeTimeoutMs: 5000,
    graceMs: 3000,
    // biome-ignore lint/suspicious/noConsole: the place to learn of it where the app named none
    onError: (error) => console.error(error),
    transport: lazyTransport(clock),
    page: browserPage,
    storage: browserStorage(),
    tabs: browserTabs(),
    tabGroup: '',
    random: Math.random,
    ...withoutUndefined(options),
    clock,
    device: { name: 'Browser', platform: 'web', ...withoutUndefined(device) },
    backoff: { ...BACKOFF, ...withoutUndefined(options.backoff ?? {}) },
  }
  check('getSession', typeof options.getSession === 'function', 'must be a function')
  check('device.id', device.id === undefined || DEVICE_ID.test(device.id), `must match ${DEVICE_ID}`)
  const { name } = settings.device
  check('device.name', name.length >= 1 && name.length <= 100, 'must have 1 to 100 characters')
  checkNumber('keepAliveSec', settings.keepAliveSec, 1, 60)
  checkNumber('probeTimeoutMs', settings.probeTimeoutMs, 1, 60_000)
  checkNumber('graceMs', settings.graceMs, 0, 60_000)
  for (const part of ['firstMs', 'maxMs', 'refusedMaxMs'] as const)
    checkNumber(`backoff.${part}`, settings.backoff[part], 1, 24 * 60 * 60 * 1000)
  return settings
}

function check(name: string, right: boolean, rule: string): void {
  if (!right) throw new SyncError('invalid-option', `${name} ${rule}`, { field: name })
}

function checkNumber(name: string, value: number, min: number, max: number): void {
  check(name, value >= min && value <= max, `must be a number from ${min} to ${max}`)
}

/** An option that is spelled out as undefined is an option that is not given. */
function withoutUndefined<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T
}
