import {
  createClock,
  createSyncClient,
  lazyTransport,
  MemoryStorage,
  type Platform,
  type SyncClient,
  type SyncEventType,
} from '@kull/sync'
import { ENTRY_TYPES, type NewEntry } from '../log/entry.ts'
import { ofEvent, ofState, plainError, plainState } from '../log/summary.ts'
import { type Fault, FaultyTransport } from './faultyTransport.ts'
import { type SessionFault, type SessionWishes, testSession } from './testSession.ts'

/** Who connects, and as what. */
export interface DeviceChoice {
  readonly userId: string
  /** Empty: a guest, under a new id each time. */
  readonly deviceId: string
  readonly name: string
  readonly platform: Platform
}

/** Frozen; a new object at each change and only then. */
export interface TestDeviceView extends SessionWishes {
  /** Of the last connect. Null: there was none yet. */
  readonly client: SyncClient | null
  readonly network: Fault
}

const EVENT_TYPES = ENTRY_TYPES.filter((type): type is SyncEventType => type === type.toUpperCase())

/** A device with a client, a network and a memory of its own, that notes whatever happens to it. */
export class TestDevice {
  readonly label: string
  readonly platform: Platform
  readonly #add: (entry: NewEntry) => void
  readonly #clock = createClock()
  readonly #transport = new FaultyTransport(lazyTransport(this.#clock), this.#clock)
  readonly #storage = new MemoryStorage()
  readonly #listeners = new Set<() => void>()
  #view: TestDeviceView = Object.freeze({ client: null, network: 'none', lifetime: null, fault: 'none' })

  /** `platform` is what it is unless another is chosen. */
  constructor(label: string, platform: Platform, add: (entry: NewEntry) => void) {
    this.label = label
    this.platform = platform
    this.#add = add
  }

  getSnapshot = (): TestDeviceView => this.#view

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Connects with a client that knows nothing yet, as after a reload. */
  connect({ userId, deviceId, name, platform }: DeviceChoice): void {
    const client = createSyncClient({
      getSession: testSession(userId, () => this.#view, this.#note),
      device: { name, platform, ...(deviceId !== '' && { id: deviceId }) },
      // No other tab is this device, not even one with a tester.
      tabs: null,
      storage: this.#storage,
      clock: this.#clock,
      transport: this.#transport,
      onError: (error) => this.#note({ type: 'error', summary: error.message, data: plainError(error) }),
    })
    this.#listen(client)
    this.#set({ client })
    client.connect()
  }

  /** Nothing of it is left, here or at the broker. Does not reject. */
  close(): Promise<void> {
    this.network = 'none'
    return this.#view.client?.signOut() ?? Promise.resolve()
  }

  set network(network: Fault) {
    if (network === this.#view.network) return
    this.#transport.fault = network
    this.#set({ network })
  }

  set lifetime(lifetime: number | null) {
    this.#set({ lifetime })
  }

  set sessionFault(fault: SessionFault) {
    this.#set({ fault })
  }

  #listen(client: SyncClient): void {
    for (const type of EVENT_TYPES)
      client.on(type, (event, meta) =>
        this.#note({ type: event.type, summary: ofEvent(event), meta, data: event }),
      )
    client.onResync(({ cause }) => this.#note({ type: 'resync', summary: cause, data: { cause } }))
    client.subscribe(() => {
      const state = client.getSnapshot()
      this.#note({ type: 'state', summary: ofState(state, this.#clock.date()), data: plainState(state) })
    })
  }

  readonly #note = (entry: Omit<NewEntry, 'source'>): void => this.#add({ source: this.label, ...entry })

  #set(part: Partial<TestDeviceView>): void {
    this.#view = Object.freeze({ ...this.#view, ...part })
    for (const listener of this.#listeners) listener()
  }
}
