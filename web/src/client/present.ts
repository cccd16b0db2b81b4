import type { Delivery } from './attachment.ts'
import { BatchedMap } from './batchedMap.ts'
import type { Clock } from './clock.ts'
import type { SyncError } from './errors.ts'
import type { Message } from './messages.ts'
import { Names } from './names.ts'
import type { Platform } from './options.ts'
import type { PresenceMessage } from './presence.ts'
import type { SyncStorage } from './storage.ts'
import type { DeviceDisconnected, ShootProgress } from './wire.generated.ts'

const DAY = 24 * 60 * 60 * 1000
/** Milliseconds that presence stays retained (PROTOCOL.md, Topics). */
const PRESENCE_EXPIRY = 30 * DAY

/** How far a shoot is, and by when. */
export interface ShootState extends ShootProgress {
  /** Milliseconds since 1970, by the clock of who published it. */
  readonly timestamp: number
  /** When it was published, by the clock of this machine: milliseconds since 1970, to about a second. */
  readonly asOf: number
  /** Learned from what the broker keeps, not told as it happened: this device was away, or has just begun. */
  readonly replayed: boolean
  /** The device that it came from, where one is known. */
  readonly source: string | null
}

/** A device of this user. */
export interface DeviceState {
  readonly deviceId: string
  /** Null: it was gone before this browser first heard of it. */
  readonly name: string | null
  readonly platform: Platform | null
  readonly appVersion: string | null
  readonly online: boolean
  /** Since when it is on line, or away. Milliseconds since 1970. */
  readonly since: number
  /** How it left. Null: it is on line. */
  readonly reason: DeviceDisconnected['reason'] | null
  /** It is this one. */
  readonly self: boolean
}

/** The present as it is shown: shoots and devices. */
export class Present {
  readonly shoots: BatchedMap<ShootState>
  readonly devices: BatchedMap<DeviceState>
  readonly #clock: Clock
  readonly #names: Names

  constructor(clock: Clock, storage: SyncStorage, onError: (error: SyncError) => void) {
    this.#clock = clock
    this.#names = new Names(storage)
    this.shoots = new BatchedMap(clock, onError)
    this.devices = new BatchedMap(clock, onError)
  }

  showShoot({ data, timestamp, deviceId }: Message<'SHOOT_PROGRESS'>, delivery: Delivery): void {
    const { expiresIn, retained, replayed } = delivery
    const now = this.#clock.date()
    this.shoots.set(
      data.shootId,
      Object.freeze({
        ...data,
        timestamp,
        asOf: expiresIn === null ? now : keptSince(expiresIn, DAY, now),
        replayed: retained || replayed,
        source: deviceId,
      }),
    )
  }

  showDevice(message: PresenceMessage, { expiresIn }: Delivery, ownId: string | null): void {
    const { userId, data } = message
    const { deviceId } = data
    const known = this.devices.newest(deviceId)
    const born = message.type === 'DEVICE_CONNECTED' ? message.data : null
    const reason = message.type === 'DEVICE_DISCONNECTED' ? message.data.reason : null
    if (born) this.#names.set(userId, deviceId, born)
    const { name = null, platform = null } = this.#names.get(userId, deviceId) ?? {}
    this.devices.set(
      deviceId,
      Object.freeze({
        deviceId,
        name,
        platform,
        appVersion: born ? (born.appVersion ?? null) : (known?.appVersion ?? null),
        online: born !== null,
        // A device that renews its token has been on line all the time.
        since: born && known?.online ? known.since : presenceSince(message, expiresIn, this.#clock.date()),
        reason,
        self: deviceId === ownId,
      }),
    )
  }

  clear(): void {
    this.shoots.clear()
    this.devices.clear()
    this.#names.clear()
  }
}

/**
 * Since when a device is on line, or away. A will bears the time of its CONNECT; when it fired is told by how long it
 * will still be kept. Never later than now, whatever the device's clock says.
 */
export function presenceSince(message: PresenceMessage, expiresIn: number | null, now: number): number {
  if (message.type === 'DEVICE_CONNECTED' || expiresIn === null) return Math.min(message.timestamp, now)
  return keptSince(expiresIn, PRESENCE_EXPIRY, now)
}

/** When the broker was given what it keeps for `expiry` milliseconds, and will for another `expiresIn` seconds. */
function keptSince(expiresIn: number, expiry: number, now: number): number {
  return now - Math.max(0, expiry - expiresIn * 1000)
}
