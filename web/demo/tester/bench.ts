import { TestDevice } from './device/testDevice.ts'
import { Log } from './log/log.ts'

/** The devices of a tester, one or two, and the log that they share. */
export class Bench {
  readonly log = new Log()
  readonly #listeners = new Set<() => void>()
  #devices: readonly TestDevice[] = [new TestDevice('Device 1', 'web', this.log.add)]

  getSnapshot = (): readonly TestDevice[] => this.#devices

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Adds the second device. */
  add(): void {
    this.#set([...this.#devices.slice(0, 1), new TestDevice('Device 2', 'iphone', this.log.add)])
  }

  remove(device: TestDevice): void {
    this.#set(this.#devices.filter((known) => known !== device))
    void device.close()
  }

  /** Nothing of any device is left. */
  close(): void {
    for (const device of this.#devices) void device.close()
  }

  #set(devices: readonly TestDevice[]): void {
    this.#devices = devices
    for (const listener of this.#listeners) listener()
  }
}
