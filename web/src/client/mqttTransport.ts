import mqtt, { type IClientOptions, type IClientPublishOptions, type MqttClient } from 'mqtt'
import type { Clock } from './clock.ts'
import { SyncError } from './errors.ts'
import { clearAndEnd, DISCONNECT_WITH_WILL } from './lastWords.ts'
import type { ConnectRequest, Incoming, Link, LinkEvents } from './transport.ts'

/** Milliseconds that connecting, and each answer of the broker, may take. */
const ANSWER_TIMEOUT = 10_000

/** Connects by mqtt.js, as `Transport` says. */
export function connect(
  request: ConnectRequest,
  events: LinkEvents,
  signal: AbortSignal,
  clock: Clock,
): Promise<Link> {
  if (request.url === '') throw failed('The session answer names no ws:// or wss:// URL of the broker')
  let socket: WebSocket | undefined
  const { will } = request
  const options: IClientOptions = {
    protocolVersion: 5,
    clientId: request.clientId,
    username: request.username,
    password: request.password,
    keepalive: request.keepalive,
    clean: request.cleanStart,
    properties: { sessionExpiryInterval: request.sessionExpiry },
    will: {
      topic: will.topic,
      payload: will.payload as unknown as Buffer,
      qos: 1,
      retain: true,
      properties: { willDelayInterval: will.delay, messageExpiryInterval: will.expiry },
    },
    // This package connects again itself, each time with a fresh client: so nothing old is sent late.
    reconnectPeriod: 0,
    resubscribe: false,
    timerVariant: intervals(clock),
    forceNativeWebSocket: true,
    createWebsocket: (url: string, protocols: string[]) => {
      socket = new WebSocket(url, protocols)
      return socket
    },
  }
  const client = open(request.url, options)
  return new Promise((resolve, reject) => {
    let state: 'connecting' | 'up' | 'over' = 'connecting'
    let sessionPresent = false
    let reason: { why: string; code?: number } = { why: 'The connection broke' }
    const waiting = new Set<(error: SyncError) => void>()

    const finish = (error: SyncError) => {
      if (state === 'over') return
      const wasUp = state === 'up'
      state = 'over'
      cancelTimeout()
      signal.removeEventListener('abort', abort)
      client.end(true)
      for (const give of waiting) give(error)
      if (!wasUp) reject(error)
    }
    const lose = (error: SyncError) => {
      const wasUp = state === 'up'
      finish(error)
      if (wasUp) events.lost(error.message, error.reasonCode)
    }
    const abort = () => finish(new SyncError('stopped', 'The connection was ended'))
    const cancelTimeout = clock.after(ANSWER_TIMEOUT, () => lose(failed('The broker does not answer')))
    signal.addEventListener('abort', abort)

    client.on('error', (error) => {
      const code = reasonCodeOf(error)
      lose(code === undefined ? failed(error.message) : refused('The broker refused the connection', code))
    })
    client.on('disconnect', (packet) => {
      reason = {
        why: 'The broker ended the connection',
        ...(packet.reasonCode && { code: packet.reasonCode }),
      }
    })
    client.on('close', () => lose(failed(reason.why, reason.code)))
    client.on('packetreceive', (packet) => {
      if (packet.cmd === 'connack') sessionPresent = packet.sessionPresent
    })
    client.on('message', (topic, payload, packet) => {
      if (state === 'over') return
      const { messageExpiryInterval = null, subscriptionIdentifier = [] } = packet.properties ?? {}
      const incoming: Incoming = {
        topic,
        payload,
        qos: packet.qos,
        retain: packet.retain,
        expiresIn: messageExpiryInterval,
        subscriptionIds: [subscriptionIdentifier].flat(),
      }
      events.message(incoming)
    })
    client.on('connect', () => {
      if (state !== 'connecting') return
      state = 'up'
      cancelTimeout()
      signal.removeEventListener('abort', abort)
      resolve(link())
    })

    /** An answer of the broker, or a rejection when the connection ends or takes too long over it. */
    const answer = (ask: (done: (error?: Error | null) => void) => void) =>
      new Promise<void>((given, refuse) => {
        if (state === 'over')
          return refuse(new SyncError('not-connected', 'There is no connection', { retryable: true }))
        const settle = (error?: SyncError) => {
          cancel()
          waiting.delete(settle)
          if (error) refuse(error)
          else given()
        }
        const cancel = clock.after(ANSWER_TIMEOUT, () => lose(failed('The broker does not answer')))
        waiting.add(settle)
        ask((error) => settle(error ? (denied(error) ?? failed(error.message)) : undefined))
      })

    const link = (): Link => ({
      sessionPresent,
      subscribe: (subscriptions, identifier) =>
        answer((done) => {
          const wanted = Object.fromEntries(subscriptions.map(({ filter, qos }) => [filter, { qos }]))
          client.subscribe(wanted, { properties: { subscriptionIdentifier: identifier } } as never, done)
        }),
      publish: ({ topic, payload, retain, expiry }) =>
        answer((done) => {
          const options: IClientPublishOptions = { qos: 1, retain }
          if (expiry !== undefined) options.properties = { messageExpiryInterval: expiry }
          client.publish(topic, payload, options, done)
        }),
      probe: () =>
        answer((done) => {
          const heard = (packet: { readonly cmd?: string }) => {
            if (packet.cmd !== 'pingresp') return
            client.off('packetreceive', heard)
            done()
          }
          client.on('packetreceive', heard)
          client.sendPing()
        }),
      end: () =>
        new Promise((said) => {
          // What ends from here on is no loss.
          state = 'over'
          client.end(false, { reasonCode: 0, properties: { sessionExpiryInterval: 0 } }, () => said())
        }),
      leave: (clear) => {
        if (state === 'over') return
        if (socket?.readyState === WebSocket.OPEN) {
          socket.send(clear === null ? DISCONNECT_WITH_WILL : clearAndEnd(clear))
          socket.close()
        }
        abort()
      },
      abort: () => {
        abort()
        client.end(true)
      },
    })
  })
}

/** Throws a SyncError where the browser lets no socket begin, as ws:// from a page on https. */
function open(url: string, options: IClientOptions): MqttClient {
  try {
    return mqtt.connect(url, options)
  } catch (cause) {
    throw failed(cause instanceof Error ? cause.message : 'The connection could not begin')
  }
}

function failed(why: string, reasonCode?: number): SyncError {
  return new SyncError('link-failed', why, {
    retryable: true,
    ...(reasonCode !== undefined && { reasonCode }),
  })
}

function refused(what: string, reasonCode: number): SyncError {
  const hex = `0x${reasonCode.toString(16).padStart(2, '0')}`
  return new SyncError('link-refused', `${what}: reason ${hex}`, { retryable: true, reasonCode })
}

function denied(error: Error): SyncError | undefined {
  const code = reasonCodeOf(error)
  return code === undefined ? undefined : refused('The broker refused a request', code)
}

/** mqtt.js puts the MQTT 5 reason of a refusal into `code`, where network errors have a word. */
function reasonCodeOf(error: Error): number | undefined {
  const code = (error as { readonly code?: unknown }).code
  return typeof code === 'number' && code >= 0x80 ? code : undefined
}

/** The clock in the form that mqtt.js wants, so that a hidden page keeps its connection alive. */
function intervals(clock: Clock) {
  const running = new Map<number, () => void>()
  let next = 1
  return {
    set(callback: () => void, ms: number): number {
      const id = next++
      const again = () => {
        running.set(id, clock.after(ms, again))
        callback()
      }
      running.set(id, clock.after(ms, again))
      return id
    },
    clear(id: number): void {
      running.get(id)?.()
      running.delete(id)
    },
  }
}
