import type { Delivery } from './attachment.ts'
import type { BatchedMap } from './batchedMap.ts'
import type { ResyncCause } from './catchUp.ts'
import { alone, Connection } from './connection.ts'
import { browserDeviceId, forgetDeviceId } from './deviceId.ts'
import { SyncError } from './errors.ts'
import type { EventMeta, SyncEvents, SyncEventType, SyncHandler } from './events.ts'
import { Handlers } from './handlers.ts'
import { Inbound } from './inbound.ts'
import type { Identity, Line, LineEvents, UplinkMessage } from './line.ts'
import { newId } from './messages.ts'
import { type Settings, type SyncOptions, settle } from './options.ts'
import { Pings } from './pings.ts'
import { type DeviceState, Present, type ShootState } from './present.ts'
import type { Received } from './receive.ts'
import { SharedLine } from './sharedLine.ts'
import { IDLE, type NewState, nextState, type SyncState } from './state.ts'
import { type ShootUpdate, Uplink } from './uplink.ts'

/** A live view of values by key, for `useSyncExternalStore` and its like. */
export type View<V> = Pick<BatchedMap<V>, 'get' | 'list' | 'subscribe' | 'subscribeTo'>

type AnyHandlers = { readonly [T in SyncEventType]: Handlers<[SyncEvents[T], EventMeta]> }

/** Keeps this app in step with the user's other devices. Made by `createSyncClient`. */
export class SyncClient {
  readonly #settings: Settings
  #line: Line | null = null
  readonly #present: Present
  readonly #inbound: Inbound
  readonly #uplink: Uplink
  readonly #pings: Pings
  readonly #stateHandlers: Handlers<[]>
  readonly #resyncHandlers: Handlers<[{ readonly cause: ResyncCause }]>
  readonly #handlers: AnyHandlers
  readonly #reported = new Set<string>()
  #state: SyncState
  #identity: Identity | null = null

  constructor(options: SyncOptions) {
    const settings = settle(options)
    const { clock, storage, onError } = settings
    this.#settings = settings
    this.#state = Object.freeze({ ...IDLE, since: clock.date() })
    this.#present = new Present(clock, storage, onError)
    this.#inbound = new Inbound(this.#present)
    this.#uplink = new Uplink(clock, (message) => this.#publish(message))
    this.#pings = new Pings(clock, (message) => this.#publish(message))
    this.#stateHandlers = new Handlers(onError)
    this.#resyncHandlers = new Handlers(onError)
    this.#handlers = {
      SHOOT_PROGRESS: new Handlers(onError),
      CREDIT_UPDATE: new Handlers(onError),
      PROMPT_CHANGE: new Handlers(onError),
      DEVICE_CONNECTED: new Handlers(onError),
      DEVICE_DISCONNECTED: new Handlers(onError),
      DEVICE_REMOVED: new Handlers(onError),
    }
  }

  /** Who this is, by the last session answer. Null: nobody, as yet or no longer. */
  get identity(): Identity | null {
    return this.#identity
  }

  /** What this client goes by, for what is built on it to go by the same. */
  get seams(): Pick<Required<SyncOptions>, 'clock' | 'page' | 'random'> {
    return this.#settings
  }

  /** The present progress of the user's shoots by id, of those that this device has heard of. */
  get shoots(): View<ShootState> {
    return this.#present.shoots
  }

  /** The user's devices by id, this one included, on line or not. */
  get devices(): View<DeviceState> {
    return this.#present.devices
  }

  /** Connects, and stays connected. Does nothing when it is at it; after a sign-out it begins anew. */
  connect = (): void => {
    if (this.#state.status !== 'disconnected') return
    this.#line = this.#newLine()
    this.#line.start()
  }

  /** Leaves as one who quits: other devices see it go at once. Takes a few seconds at most; does not reject. */
  disconnect = async (): Promise<void> => {
    this.#dropPending()
    await this.#line?.stop('closed')
  }

  /** Leaves for good: says so, ends the broker's session, forgets this user. Does not reject. */
  signOut = async (): Promise<void> => {
    await this.#line?.stop('signed-out')
  }

  /** Looks whether the connection stands, and where it does not, tries at once. */
  retryNow = (): void => this.#line?.wake()

  /** Calls back at each change of state. Returns its undo. */
  subscribe = (listener: () => void): (() => void) => this.#stateHandlers.add(listener)

  getSnapshot = (): SyncState => this.#state

  /** Calls back with each event of this type, once per event. Returns its undo. */
  on<T extends SyncEventType>(type: T, handler: SyncHandler<T>): () => void {
    const handlers: Handlers<[SyncEvents[T], EventMeta]> | undefined = this.#handlers[type]
    if (handlers === undefined)
      throw new SyncError('invalid-option', `type must be one of ${Object.keys(this.#handlers).join(', ')}`)
    return handlers.add(handler)
  }

  /**
   * Calls back when something may have been missed, the first connect included: fetch what is shown again, after
   * a random 0 to 10 s, because every device may have been told at once. Returns its undo.
   */
  onResync = (handler: (event: { readonly cause: ResyncCause }) => void): (() => void) =>
    this.#resyncHandlers.add(handler)

  /**
   * Tells all devices how far a shoot is that this one works on. Resolves when the bridge has taken this update,
   * or a newer one of the shoot that replaced it meanwhile; waits for a connection as long as it takes. Rejects
   * with a SyncError when it is refused for good, or the client is stopped first.
   */
  updateProgress = (progress: ShootUpdate): Promise<void> => this.#uplink.update(progress)

  /** Milliseconds from here through the bridge and back. Rejects with a SyncError. */
  ping = async (): Promise<number> => {
    if (this.#identity === null || this.#state.status !== 'connected')
      throw new SyncError('not-connected', 'There is no connection', { retryable: true })
    const rttMs = await this.#pings.measure(this.#identity)
    if (this.#state.status === 'connected') this.#setState({ status: 'connected', rttMs })
    return rttMs
  }

  #newLine(): Line {
    const { device, tabs, storage } = this.#settings
    // What an earlier line still has to say is not listened to.
    const heard =
      <Args extends unknown[]>(hear: (...args: Args) => void) =>
      (...args: Args) => {
        if (this.#line === line) hear(...args)
      }
    const events: LineEvents = {
      state: heard((state) => this.#setState(state)),
      identity: heard((identity) => this.#meet(identity)),
      message: heard((message, delivery) => this.#take(message, delivery)),
      resync: heard((cause) => this.#resyncHandlers.call({ cause })),
      ready: heard(() => this.#identity && this.#uplink.ready(this.#identity)),
      report: heard((error) => this.#report(error)),
    }
    const line: Line = tabs
      ? new SharedLine(this.#settings, device.id ?? browserDeviceId(storage), tabs, events)
      : ownLine(this.#settings, events)
    return line
  }

  async #publish(message: UplinkMessage): Promise<void> {
    await this.#line?.publish(message)
  }

  /** The only place where the state changes, so no listener misses a change. */
  #setState(next: NewState): void {
    const state = nextState(this.#state, next, this.#settings.clock.date())
    if (state === this.#state) return
    this.#state = state
    if (state.status === 'disconnected' && state.reason !== 'idle') {
      this.#forget()
      forgetDeviceId(this.#settings.storage)
    }
    this.#stateHandlers.call()
  }

  #meet(identity: Identity): void {
    if (this.#identity !== null && this.#identity.userId !== identity.userId) this.#forget()
    this.#identity = identity
  }

  /** Nothing of this user stays. */
  #forget(): void {
    this.#identity = null
    this.#dropPending()
    this.#inbound.clear()
  }

  #dropPending(): void {
    this.#uplink.clear()
    this.#pings.clear()
  }

  #take(message: Received, { replayed, retained, ...rest }: Delivery): void {
    const ownId = this.#identity?.deviceId ?? null
    if (!this.#inbound.take(message, { replayed, retained, ...rest }, ownId)) return
    const self = ownId !== null && ownId === sourceOf(message)
    const meta: EventMeta = Object.freeze({ replayed, retained, self })
    switch (message.type) {
      case 'ACK':
        this.#uplink.acknowledge(message)
        break
      case 'PONG':
        this.#pings.answer(message)
        break
      case 'ERROR':
        if (!this.#uplink.refuse(message))
          this.#report(
            new SyncError(
              'update-refused',
              `The bridge refused a message: ${message.data.detail}`,
              message.data,
            ),
          )
        break
      case 'UPDATE_PROGRESS':
      case 'PING':
        break
      default:
        this.#tell(message, meta)
    }
  }

  #tell<T extends SyncEventType>(event: SyncEvents[T] & { readonly type: T }, meta: EventMeta): void {
    const handlers: Handlers<[SyncEvents[T], EventMeta]> = this.#handlers[event.type]
    handlers.call(event, meta)
  }

  /** Once per kind: a sender that is broken sends more of them. */
  #report(error: SyncError): void {
    const kind = `${error.code} ${error.field} ${error.message}`
    if (this.#reported.has(kind)) return
    this.#reported.add(kind)
    this.#settings.onError(error)
  }
}

/** A connection that no other tab shares, for a device with a name of its own or for a guest. */
function ownLine(settings: Settings, events: LineEvents): Line {
  const { id = newId() } = settings.device
  const device = { id, ephemeral: settings.device.id === undefined }
  return new Connection(settings, device, events, alone(settings, id))
}

/** The device that an event began at. */
function sourceOf(message: Received): string | null {
  if (message.type === 'DEVICE_REMOVED') return message.deviceId
  return 'deviceId' in message.data ? message.data.deviceId : message.deviceId
}
