import { type ShootUpdate, type SyncClient, SyncError } from '@kull/sync'
import { plainError } from '../log/summary.ts'
import type { Outcome } from './post.ts'

/** What a device says itself: the type of the message, and its data. */
export type UplinkType = 'UPDATE_PROGRESS' | 'PING'

/** Of these a client fills in itself. */
export const FILLED_IN: Readonly<Record<string, readonly string[]>> = { PING: ['sentAt'] }

/** Sends it from a device, and waits for the bridge's answer: as long as it takes. Does not reject. */
export async function sendUp(client: SyncClient, type: UplinkType, data: object): Promise<Outcome> {
  const began = performance.now()
  const since = () => Math.round(performance.now() - began)
  try {
    if (type === 'PING') {
      const rttMs = Math.round(await client.ping())
      return outcome('Answered by the bridge', since(), { 'round trip': `${rttMs} ms` }, { rttMs })
    }
    // The client checks it again, whatever it is.
    await client.updateProgress(data as ShootUpdate)
    return outcome('Acknowledged by the bridge', since(), {}, null)
  } catch (error) {
    if (!(error instanceof SyncError)) throw error
    const { code, message, field } = error
    return {
      ok: false,
      title: `Refused: ${code}`,
      ms: since(),
      facts: field === undefined ? { detail: message } : {},
      // The data is all that the form is about.
      faults: field === undefined ? [] : [{ field: field.replace(/^data\.?/, ''), detail: message }],
      answer: plainError(error),
    }
  }
}

function outcome(title: string, ms: number, facts: Outcome['facts'], answer: unknown): Outcome {
  return { ok: true, title, ms, facts, faults: [], answer }
}
