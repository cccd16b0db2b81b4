import { ApiError } from '../../data/api.ts'
import type { Person } from '../../data/types.ts'
import type { TestDevice } from '../device/testDevice.ts'
import { type Bearer, tokenOf } from '../tokens.ts'
import { type Outcome, post } from './post.ts'
import { sendUp, type UplinkType } from './uplink.ts'

/** Who can send a message. */
export interface Sender {
  readonly key: string
  readonly name: string
  /** A caller of the functions, null without a token; or a device. */
  readonly from: { readonly bearer: Bearer | null } | { readonly device: TestDevice }
}

const SERVICE: Sender = {
  key: 'service',
  name: 'Service with sync:publish',
  from: { bearer: { service: 'tester', scopes: ['sync:publish'] } },
}
const NOBODY: Sender = { key: 'nobody', name: 'Nobody, without a token', from: { bearer: null } }

/** Who can send to a route, those included who will be refused; where it is null, which devices can send. */
export function sendersOf(
  route: string | null,
  devices: readonly TestDevice[],
  people: readonly Person[],
): readonly Sender[] {
  if (route === null)
    return devices.map((device) => ({ key: device.label, name: device.label, from: { device } }))
  const users = people.map(({ userId, name }) => ({
    key: `user ${userId}`,
    name: `User ${name}`,
    from: { bearer: { userId } },
  }))
  return [SERVICE, ...users, NOBODY]
}

export interface Sending {
  readonly type: string
  readonly route: string | null
  readonly body: object
  readonly idempotencyKey: string
}

/** Sends a message, and says what became of it. Does not reject. */
export async function send(
  { name, from }: Sender,
  { type, route, body, idempotencyKey }: Sending,
): Promise<Outcome> {
  if ('device' in from) {
    const { client } = from.device.getSnapshot()
    if (client === null) return notSent(`${name} has not been connected yet.`)
    return sendUp(client, type as UplinkType, body)
  }
  try {
    const token = from.bearer && (await tokenOf(from.bearer))
    return await post(route ?? '', body, { token, idempotencyKey })
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    return notSent(error.message)
  }
}

function notSent(detail: string): Outcome {
  return { ok: false, title: 'Not sent', ms: 0, facts: { detail }, faults: [], answer: null }
}
