/**
 * What a page sends when it goes: MQTT 5 packets as bytes, to be handed to the socket at once. mqtt.js writes in the
 * next turn of the event loop, which a page that goes does not have.
 */

/** DISCONNECT with reason 0x04: the will speaks (MQTT 5, 3.14). */
export const DISCONNECT_WITH_WILL = Uint8Array.of(0xe0, 1, 0x04)

/** DISCONNECT with reason 0x00 and a session expiry interval of 0: no will, and the session ends. */
const DISCONNECT_AND_END = [0xe0, 7, 0x00, 5, 0x11, 0, 0, 0, 0]

/**
 * Clears what is retained on a topic, then ends the session. Its end alone would let a will speak at once
 * (MQTT 5, 3.1.3.2.2), but Mosquitto waits for the will's delay all the same.
 */
export function clearAndEnd(topic: string): Uint8Array<ArrayBuffer> {
  const name = new TextEncoder().encode(topic)
  // PUBLISH, QoS 0, retain; an empty payload follows no properties.
  const body = [name.length >> 8, name.length & 0xff, ...name, 0]
  return Uint8Array.from([0x31, ...variableByteInteger(body.length), ...body, ...DISCONNECT_AND_END])
}

/** MQTT 5, 1.5.5; up to 16,383, which no topic of the contract exceeds. */
function variableByteInteger(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, value >> 7]
}
