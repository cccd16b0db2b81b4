import type { EnvelopeFields, MessageData } from './wire.generated.ts'

export type MessageType = keyof MessageData

interface Envelope<T extends MessageType> extends EnvelopeFields {
  readonly type: T
  readonly data: MessageData[T]
}

/** A message of the contract; with a type argument, of that type alone. */
export type Message<T extends MessageType = MessageType> = { [K in T]: Envelope<K> }[T]

/** 128 random bits in hex. `crypto.randomUUID` exists on secure pages only. */
export function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
