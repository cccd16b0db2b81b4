import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { createInterface } from 'node:readline'
import mqtt from 'mqtt'
import { FaultyProxy } from './proxy.ts'

const ROOT = new URL('../..', import.meta.url).pathname

/** What the broker is: this machine's Mosquitto, or our image. */
export type BrokerForm = 'process' | 'container'

interface Ready {
  readonly url: string
  readonly wsPort: number
  readonly tcpPort: number
  /** Lets publish what functions publish. */
  readonly publisherToken: string
  readonly auth: { readonly issuer: string; readonly audience: string; readonly secret: string }
}

/** There is no stack of this form on this machine; the message says what it lacks. */
export class NoSuchStackError extends Error {}

/** Broker, functions and bridge on this machine; devices reach the broker through `proxy`. */
export class Stack {
  readonly proxy: FaultyProxy
  readonly url: string
  readonly #ready: Ready
  readonly #process: ChildProcessWithoutNullStreams
  readonly #lines: AsyncIterator<string>

  private constructor(
    proxy: FaultyProxy,
    ready: Ready,
    process: ChildProcessWithoutNullStreams,
    lines: AsyncIterator<string>,
  ) {
    this.proxy = proxy
    this.url = ready.url
    this.#ready = ready
    this.#process = process
    this.#lines = lines
  }

  /** Rejects with a NoSuchStackError where the tests may be skipped. */
  static async start(broker: BrokerForm = 'process'): Promise<Stack> {
    const proxy = await FaultyProxy.start()
    const python = process.env.PYTHON ?? `${ROOT}.venv/bin/python`
    const url = `ws://127.0.0.1:${proxy.port}/mqtt`
    const child = spawn(python, ['-m', 'web.e2e.stack', url, broker], { cwd: ROOT })
    let log = ''
    child.stderr.on('data', (data) => {
      log += data
    })
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    const first = await lines.next()
    if (first.done) throw new Error(`Broker and functions did not start:\n${log}`)
    const ready: Ready | { readonly skipped: string } = JSON.parse(first.value)
    if ('skipped' in ready) {
      proxy.close()
      throw new NoSuchStackError(ready.skipped)
    }
    proxy.target = ready.wsPort
    return new Stack(proxy, ready, child, lines)
  }

  async stop(): Promise<void> {
    this.proxy.close()
    const ended = new Promise((resolve) => this.#process.once('close', resolve))
    this.#process.stdin.end()
    await ended
  }

  async order(order: 'kill-broker' | 'start-broker' | 'pause-broker' | 'resume-broker'): Promise<void> {
    this.#process.stdin.write(`${order}\n`)
    const answer = await this.#lines.next()
    if (answer.value !== 'done') throw new Error(`${order} was not carried out`)
  }

  /** Signs a device out, as another device of its user does. */
  async signOut(user: string, device: string): Promise<void> {
    const headers = { Authorization: `Bearer ${this.token(user)}` }
    const response = await fetch(`${this.url}/api/sync/devices/${device}`, { method: 'DELETE', headers })
    if (response.status !== 204) throw new Error(`The sign-out was answered ${response.status}`)
  }

  /**
   * Publishes what functions would, many times faster than they take requests: `atOnce` messages, and the next ones
   * when these are acknowledged and `pauseMs` milliseconds have passed.
   */
  async flood(
    topic: string,
    messages: readonly object[],
    { atOnce = messages.length, pauseMs = 0 } = {},
  ): Promise<void> {
    const { tcpPort, publisherToken } = this.#ready
    const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${tcpPort}`, {
      protocolVersion: 5,
      clientId: '$functions:e2e',
      username: '$functions',
      password: publisherToken,
    })
    for (let first = 0; first < messages.length; first += atOnce) {
      const pause = new Promise((resolve) => setTimeout(resolve, pauseMs))
      const sent = messages
        .slice(first, first + atOnce)
        .map((message) => client.publishAsync(topic, JSON.stringify(message), { qos: 1, retain: true }))
      await Promise.all([pause, ...sent])
    }
    await client.endAsync()
  }

  /** The app's own token, for a user or for a service that may do everything. */
  token(subject: string, scope?: string): string {
    const now = Math.floor(Date.now() / 1000)
    const { issuer, audience, secret } = this.#ready.auth
    const claims = {
      iss: issuer,
      aud: audience,
      sub: subject,
      iat: now,
      exp: now + 3600,
      ...(scope && { scope }),
    }
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`
    return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`
  }

  /** Calls a function as a service, until it is taken: a broker that was just killed is missed for a moment. */
  async post(route: string, body: object): Promise<{ readonly listeners?: 'none' | 'some' }> {
    const deadline = Date.now() + 20_000
    for (;;) {
      const response = await fetch(`${this.url}/api/sync/${route}`, {
        method: 'POST',
        headers: {
          Authorization: `Bearer ${this.token('tests', 'sync:publish sync:session')}`,
          'Content-Type': 'application/json',
        },
        body: JSON.stringify(body),
      })
      if (response.ok) return response.json()
      if (response.status !== 503 || Date.now() > deadline)
        throw new Error(`${route} answered ${response.status}: ${await response.text()}`)
    }
  }
}
