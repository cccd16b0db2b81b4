import type { Delivery } from './attachment.ts'
import type { Message } from './messages.ts'
import { isNewerBalance, isNewerProgress } from './ordering.ts'
import { Presence } from './presence.ts'
import type { Present } from './present.ts'
import type { Received } from './receive.ts'
import { Recent } from './recent.ts'

/** From what arrives to what is news: once, newest state only, never backwards. Over all connections of a page. */
export class Inbound {
  readonly #seen = new Recent<true>()
  readonly #shoots = new Recent<Message<'SHOOT_PROGRESS'>>()
  readonly #presence = new Presence()
  #balance: Message<'CREDIT_UPDATE'> | undefined
  readonly #present: Present

  constructor(present: Present) {
    this.#present = present
  }

  /** Takes a message, and says whether the app is to be told. */
  take(message: Received, delivery: Delivery, ownId: string | null): boolean {
    switch (message.type) {
      case 'DEVICE_REMOVED':
        this.#present.devices.delete(message.deviceId)
        return this.#presence.remove(message.deviceId)
      case 'DEVICE_CONNECTED':
      case 'DEVICE_DISCONNECTED': {
        const { accepted, news } = this.#presence.take(message)
        if (accepted) this.#present.showDevice(message, delivery, ownId)
        return news
      }
      case 'SHOOT_PROGRESS':
        if (!this.#isNew(message.id)) return false
        if (!isNewerProgress(message, this.#shoots.get(message.data.shootId))) return false
        this.#shoots.set(message.data.shootId, message)
        this.#present.showShoot(message, delivery)
        return true
      case 'CREDIT_UPDATE':
        if (!this.#isNew(message.id) || !isNewerBalance(message, this.#balance)) return false
        this.#balance = message
        return true
      default:
        return this.#isNew(message.id)
    }
  }

  /** Forgets everything: another user is here. */
  clear(): void {
    this.#seen.clear()
    this.#shoots.clear()
    this.#presence.clear()
    this.#balance = undefined
    this.#present.clear()
  }

  #isNew(id: string): boolean {
    if (this.#seen.get(id)) return false
    this.#seen.set(id, true)
    return true
  }
}
