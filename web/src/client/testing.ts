/** What the tests of this package share: a client among fakes, and messages as the functions publish them. */
import { FakeBroker } from './fakeBroker.ts'
import { FakeClock } from './fakeClock.ts'
import { FakeBrowser } from './fakeTabs.ts'
import type { Message, MessageType } from './messages.ts'
import type { SyncOptions } from './options.ts'
import { FakePage } from './page.ts'
import type { GetSession, SessionContext } from './session.ts'
import type { SyncState } from './state.ts'
import { MemoryStorage } from './storage.ts'
import { SyncClient } from './syncClient.ts'
import type { MessageData } from './wire.generated.ts'

export const USER = 'ada'
export const DEVICE = 'web-1'

/** A client with everything that it stands on in the test's hands. Not connected yet. */
export function clientAmongFakes(
  options: Partial<SyncOptions> & { expiresIn?: number; queueLimit?: number } = {},
) {
  const { expiresIn, queueLimit, ...rest } = options
  const clock = new FakeClock()
  const broker = new FakeBroker(clock)
  const page = new FakePage()
  const storage = new MemoryStorage()
  const errors: unknown[] = []
  const asked: SessionContext[] = []
  const answer =
    rest.getSession ??
    broker.getSession(USER, { ...(expiresIn && { expiresIn }), ...(queueLimit && { queueLimit }) })
  const getSession: GetSession = (context) => {
    asked.push(context)
    return answer(context)
  }
  const client = new SyncClient({
    device: { id: DEVICE },
    clock,
    transport: broker,
    page,
    storage,
    random: () => 0.5,
    onError: (error) => errors.push(error),
    ...rest,
    getSession,
  })
  return { client, clock, broker, page, storage, errors, asked }
}

/** Tabs of one browser: each a client of its own, on one clock, one broker and one storage. */
export function browserAmongFakes(options: Partial<SyncOptions> = {}) {
  const clock = new FakeClock()
  const broker = new FakeBroker(clock)
  const storage = new MemoryStorage()
  const browser = new FakeBrowser()
  const asked: SessionContext[] = []
  /** Opens a tab, which connects. */
  const open = async (more: Partial<SyncOptions> = {}) => {
    const tab = browser.tab()
    const page = new FakePage()
    const answer = broker.getSession(USER)
    const client = new SyncClient({
      clock,
      transport: broker,
      storage,
      page,
      tabs: tab,
      random: () => 0.5,
      onError: (error) => {
        throw error
      },
      getSession: (context) => {
        asked.push(context)
        return answer(context)
      },
      ...options,
      ...more,
    })
    const statuses: string[] = []
    const resyncs: string[] = []
    client.subscribe(() => statuses.push(client.getSnapshot().status))
    client.onResync(({ cause }) => resyncs.push(cause))
    client.connect()
    await clock.advance(0)
    return { client, tab, page, statuses, resyncs }
  }
  return { clock, broker, storage, browser, asked, open }
}

/** A client among fakes, connected and in step. */
export async function connectedClient(options: Parameters<typeof clientAmongFakes>[0] = {}) {
  const world = clientAmongFakes(options)
  world.client.connect()
  await world.clock.advance(0)
  return world
}

let count = 0

/** A message of this user. */
export function message<T extends MessageType>(
  type: T,
  data: MessageData[T],
  envelope: Partial<Omit<Message, 'type' | 'data'>> = {},
): Message<T> {
  count += 1
  return {
    type,
    id: `m-${count}`,
    timestamp: count,
    userId: USER,
    deviceId: null,
    ...envelope,
    data,
  } as unknown as Message<T>
}

export const topics = {
  shoot: (shoot: string) => `sync/v1/users/${USER}/events/shoots/${shoot}`,
  credits: `sync/v1/users/${USER}/events/credits`,
  prompts: `sync/v1/users/${USER}/events/prompts`,
  device: (device: string) => `sync/v1/users/${USER}/devices/${device}`,
  inbox: `sync/v1/users/${USER}/inbox/${DEVICE}`,
  allPrompts: 'sync/v1/all/prompts',
}

export function progress(sequence: number, more: Partial<MessageData['SHOOT_PROGRESS']> = {}) {
  return message('SHOOT_PROGRESS', {
    shootId: 's',
    status: 'processing',
    processedCount: 1,
    totalCount: 10,
    run: 0,
    sequence,
    ...more,
  })
}

export function credits(newBalance: number, sequence = newBalance) {
  return message('CREDIT_UPDATE', { newBalance, change: 1, reason: 'bought', sequence })
}

/** Each state of a client from now on, the present one first. */
export function follow(client: {
  subscribe(listener: () => void): () => void
  getSnapshot(): SyncState
}): SyncState[] {
  const states = [client.getSnapshot()]
  client.subscribe(() => states.push(client.getSnapshot()))
  return states
}

/** What clients published of this type, as JSON. */
export function published(
  broker: { published: readonly { topic: string; payload: string }[] },
  type: string,
) {
  return broker.published
    .filter(({ payload }) => payload !== '')
    .map(({ payload }) => JSON.parse(payload))
    .filter((sent) => sent.type === type)
}

/** Presence of the client's own device. */
export function ownPresence(
  type: 'DEVICE_CONNECTED' | 'DEVICE_DISCONNECTED',
  session: number,
  reason: 'lost' | 'signed-out' = 'lost',
) {
  return type === 'DEVICE_CONNECTED'
    ? message(type, { deviceId: DEVICE, name: 'x', platform: 'web', session, epoch: 'e' })
    : message(type, { deviceId: DEVICE, session, reason })
}
