import { SyncError } from './errors.ts'
import type { Message, MessageType } from './messages.ts'
import { Fault } from './parse.ts'
import { parseTopic, type Topic } from './topics.ts'
import { parseData, parseEnvelope } from './wire.generated.ts'

/** A device that was removed for good; show it no more. */
export interface DeviceRemoved {
  readonly type: 'DEVICE_REMOVED'
  readonly deviceId: string
}

export type Received = Message | DeviceRemoved

/** Bytes. Nothing in the contract comes near it; a larger payload is not even parsed. */
const MAX_PAYLOAD = 64 * 1024

const TYPES: { readonly [K in Topic['kind']]: readonly MessageType[] } = {
  shoot: ['SHOOT_PROGRESS'],
  credits: ['CREDIT_UPDATE'],
  prompts: ['PROMPT_CHANGE'],
  allPrompts: ['PROMPT_CHANGE'],
  presence: ['DEVICE_CONNECTED', 'DEVICE_DISCONNECTED'],
  inbox: ['ACK', 'PONG', 'ERROR'],
  epoch: [],
}

/**
 * Reads what arrived on a topic. User, device and shoot come from the topic, which the broker has checked: a
 * payload that names others is refused. Throws a SyncError, `unknown-type` or `unreadable-message`.
 */
export function receive(name: string, payload: Uint8Array): Received {
  try {
    return read(name, payload)
  } catch (error) {
    if (error instanceof Fault)
      throw new SyncError('unreadable-message', `A message was dropped: ${error.message}`, {
        field: error.field,
      })
    throw error
  }
}

function read(name: string, payload: Uint8Array): Received {
  const topic = parseTopic(name)
  if (topic === null) throw new Fault('topic', 'is not of this contract')
  if (topic.kind === 'presence' && payload.length === 0)
    return { type: 'DEVICE_REMOVED', deviceId: topic.device }
  const raw = json(payload)
  const type = messageType(raw, TYPES[topic.kind])
  const envelope = parseEnvelope(raw, '')
  // The parser and the type come from the same entry of one table, which the compiler cannot follow.
  const message = Object.freeze({ type, ...envelope, data: parseData[type](raw.data, 'data') }) as Message
  checkNames(topic, message)
  return message
}

function json(payload: Uint8Array): { readonly type?: unknown; readonly data?: unknown } {
  if (payload.length > MAX_PAYLOAD) throw new Fault('', `is larger than ${MAX_PAYLOAD} bytes`)
  let raw: unknown
  try {
    raw = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload))
  } catch {
    throw new Fault('', 'is not JSON')
  }
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw))
    throw new Fault('', 'is not a JSON object')
  return raw
}

function messageType(raw: { readonly type?: unknown }, expected: readonly MessageType[]): MessageType {
  if (typeof raw.type !== 'string') throw new Fault('type', 'must be a text')
  if (!Object.hasOwn(parseData, raw.type))
    throw new SyncError('unknown-type', `A message was dropped: its type is not known here`, {
      field: 'type',
    })
  const type = raw.type as MessageType
  if (!expected.includes(type)) throw new Fault('type', 'does not belong on this topic')
  return type
}

function checkNames(topic: Topic, message: Message): void {
  const mustBe = (field: string, value: string | null, expected: string | null) => {
    if (value !== expected) throw new Fault(field, 'is not that of the topic')
  }
  mustBe('userId', message.userId, topic.user)
  if (topic.kind === 'shoot' && message.type === 'SHOOT_PROGRESS') {
    mustBe('data.shootId', message.data.shootId, topic.shoot)
    checkCounts(message.data)
  }
  if (topic.kind === 'presence' && 'deviceId' in message.data)
    mustBe('data.deviceId', message.data.deviceId, topic.device)
}

/** The one rule that concerns two fields. Throws a Fault. */
export function checkCounts(data: { readonly processedCount: number; readonly totalCount: number }): void {
  if (data.processedCount > data.totalCount)
    throw new Fault('data.totalCount', 'must not be less than processedCount')
}
