import { type Clock, createClock, within } from '../client/clock.ts'
import { createSyncClient } from '../client/createSyncClient.ts'
import { FakeBroker } from '../client/fakeBroker.ts'
import { newId } from '../client/messages.ts'
import type { DeviceOptions } from '../client/options.ts'
import { receive } from '../client/receive.ts'
import { MemoryStorage } from '../client/storage.ts'
import type { SyncClient } from '../client/syncClient.ts'
import type { PublishRequest } from '../client/transport.ts'
import type { MessageData } from '../client/wire.generated.ts'

/** `data` of what can be published. What the functions or a device would fill in may be left out. */
export interface FakeEvents {
  SHOOT_PROGRESS: Omit<MessageData['SHOOT_PROGRESS'], 'run'> & { readonly run?: number }
  CREDIT_UPDATE: MessageData['CREDIT_UPDATE']
  PROMPT_CHANGE: MessageData['PROMPT_CHANGE']
  DEVICE_CONNECTED: Omit<MessageData['DEVICE_CONNECTED'], 'session' | 'epoch'>
  DEVICE_DISCONNECTED: Omit<MessageData['DEVICE_DISCONNECTED'], 'session'>
}

export type FakeEvent = keyof FakeEvents

export interface FakeSyncOptions {
  /** Default: `ada`. */
  readonly userId?: string
  /** Default: one named `Test`, with the id `test`. */
  readonly device?: DeviceOptions
  /** Default: the real one, which is the test runner's where it replaces timers. */
  readonly clock?: Clock
}

/** A client and all that it would reach over the network, in memory. */
export interface FakeSync {
  readonly client: SyncClient
  /** Resolves when the client is connected and in step. Rejects after 5 s. */
  readonly connected: () => Promise<void>
  /**
   * Publishes to the user's devices, at once, as the functions or another device would. `deviceId`: where it began.
   * Throws a SyncError that names the field when `data` is not right.
   */
  readonly publish: <T extends FakeEvent>(
    type: T,
    data: FakeEvents[T],
    envelope?: { readonly deviceId?: string },
  ) => void
  /** Cuts the connection, and lets none come back. What is published meanwhile is queued, as a broker does. */
  readonly goOffline: () => void
  /** Lets the client connect again, at once. */
  readonly goOnline: () => void
}

/** Milliseconds. */
const PATIENCE = 5000

/** Makes a client for an app's tests, that reaches nothing outside of the test. */
export function fakeSync({
  userId = 'ada',
  device = { id: 'test', name: 'Test' },
  clock = createClock(),
}: FakeSyncOptions = {}): FakeSync {
  const broker = new FakeBroker(clock)
  const client = createSyncClient({
    getSession: broker.getSession(userId),
    device,
    transport: broker,
    clock,
    storage: new MemoryStorage(),
    tabs: null,
  })
  const own = `sync/v1/users/${userId}`
  let sequence = 0
  /** Milliseconds, and strictly growing, as the functions number what comes without a number. */
  const nextSequence = () => {
    sequence = Math.max(sequence + 1, clock.date())
    return sequence
  }
  const send = (
    topic: string,
    retain: boolean,
    type: string,
    data: object,
    deviceId: string | null = null,
  ) => {
    const name = `${own}/${topic}`
    const envelope = { id: newId(), timestamp: clock.date(), userId, deviceId }
    const payload = JSON.stringify({ type, ...envelope, data })
    // The client drops what is not of the contract, and the test would wait for nothing.
    receive(name, new TextEncoder().encode(payload))
    broker.publish(name, payload, { retain })
  }
  const publish: FakeSync['publish'] = (type, data, { deviceId } = {}) => {
    if ('shootId' in data)
      send(`events/shoots/${data.shootId}`, true, type, { sequence: nextSequence(), ...data }, deviceId)
    else if ('newBalance' in data)
      send('events/credits', true, type, { sequence: nextSequence(), ...data }, deviceId)
    else if ('action' in data) send('events/prompts', false, type, data, deviceId)
    else {
      const more = { session: nextSequence(), ...(type === 'DEVICE_CONNECTED' && { epoch: broker.epoch }) }
      send(`devices/${data.deviceId}`, true, type, { ...data, ...more }, data.deviceId)
    }
  }
  // As the bridge does.
  broker.onPublish = ({ payload }: PublishRequest) => {
    if (payload === '') return
    const { type, id, deviceId, data } = JSON.parse(payload)
    const inbox = `inbox/${deviceId}`
    if (type === 'PING') send(inbox, false, 'PONG', { ...data, receivedAt: clock.date() })
    if (type !== 'UPDATE_PROGRESS') return
    publish('SHOOT_PROGRESS', data, { deviceId })
    send(inbox, false, 'ACK', { inReplyTo: id })
  }
  return {
    client,
    publish,
    connected: () => {
      let undo = () => {}
      const connected = new Promise<void>((resolve) => {
        const look = () => {
          if (client.getSnapshot().status === 'connected') resolve()
        }
        undo = client.subscribe(look)
        look()
      })
      const late = () =>
        new Error(`Not connected after ${PATIENCE} ms: is there a SyncProvider, or a connect()?`)
      return within(clock, PATIENCE, connected, late).finally(undo)
    },
    goOffline: () => {
      broker.reachable = false
      broker.cut()
    },
    goOnline: () => {
      broker.reachable = true
      client.retryNow()
    },
  }
}
