import { createServer, type Socket, connect as tcp } from 'node:net'

/** A TCP proxy in front of the broker, to lose what a network loses. */
export class FaultyProxy {
  /** How many connections were made so far. */
  connections = 0
  /** Port of this machine to forward to. */
  target = 0
  #port = 0
  #held = false
  readonly #pairs = new Set<{ readonly outside: Socket; readonly inside: Socket }>()
  readonly #server = createServer((outside) => this.#accept(outside))

  static start(): Promise<FaultyProxy> {
    const proxy = new FaultyProxy()
    return new Promise((resolve) => {
      proxy.#server.listen(0, '127.0.0.1', () => {
        const address = proxy.#server.address()
        if (typeof address === 'object' && address !== null) proxy.#port = address.port
        resolve(proxy)
      })
    })
  }

  get port(): number {
    return this.#port
  }

  /** Connections that are up at this moment. */
  get open(): number {
    return this.#pairs.size
  }

  /** Breaks every connection. */
  cut(): void {
    for (const { outside, inside } of this.#pairs) {
      outside.resetAndDestroy()
      inside.resetAndDestroy()
    }
  }

  /** Swallows everything, in both directions, on the connections that are up: a link that is half open. */
  blackHole(): void {
    for (const { outside, inside } of this.#pairs) {
      outside.pause().unpipe()
      inside.pause().unpipe()
    }
  }

  /** Takes connections and lets nothing through, or ends that. */
  hold(held: boolean): void {
    this.#held = held
    if (!held) this.cut()
  }

  close(): void {
    this.#server.close()
    this.cut()
  }

  #accept(outside: Socket): void {
    this.connections += 1
    const inside = tcp(this.target, '127.0.0.1')
    const pair = { outside, inside }
    this.#pairs.add(pair)
    const end = () => {
      this.#pairs.delete(pair)
      outside.destroy()
      inside.destroy()
    }
    for (const socket of [outside, inside]) socket.on('error', end).on('close', end)
    if (!this.#held) outside.pipe(inside).pipe(outside)
  }
}
