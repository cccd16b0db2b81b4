import type { Message } from './messages.ts'

/**
 * Whether progress replaces what is known of the shoot: the higher run, then finished before unfinished, then
 * the higher sequence. Arrival says nothing, because copies overtake. (`tests/vectors/ordering.json`)
 */
export function isNewerProgress(
  next: Message<'SHOOT_PROGRESS'>,
  known: Message<'SHOOT_PROGRESS'> | undefined,
): boolean {
  if (known === undefined) return true
  return (
    (next.data.run - known.data.run ||
      Number(isFinished(next.data)) - Number(isFinished(known.data)) ||
      sequence(next) - sequence(known)) > 0
  )
}

/** Whether nothing more will happen in this run. */
export function isFinished(progress: { readonly status: string }): boolean {
  return progress.status === 'completed' || progress.status === 'failed'
}

/** Whether a balance replaces the known one. The ledger's version decides; an equal one may correct it. */
export function isNewerBalance(
  next: Message<'CREDIT_UPDATE'>,
  known: Message<'CREDIT_UPDATE'> | undefined,
): boolean {
  return known === undefined || sequence(next) >= sequence(known)
}

/** A foreign publisher's message without a sequence counts as of its timestamp. */
function sequence(message: Message<'SHOOT_PROGRESS'> | Message<'CREDIT_UPDATE'>): number {
  return message.data.sequence ?? message.timestamp
}
