export interface Backoff {
  /** Milliseconds: the longest first wait. */
  readonly firstMs: number
  /** Milliseconds: the longest wait of all. */
  readonly maxMs: number
  /** Milliseconds: the longest wait when the broker refuses even a fresh token. */
  readonly refusedMaxMs: number
}

export const BACKOFF: Backoff = { firstMs: 1000, maxMs: 30_000, refusedMaxMs: 300_000 }

/**
 * Milliseconds to wait before try number `attempt` (from 0): anything up to a limit that doubles. After a
 * restart of the broker thousands come back at once; only a wait that is random in full spreads them
 * ("Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
 */
export function fullJitter(attempt: number, firstMs: number, maxMs: number, random: number): number {
  return random * Math.min(maxMs, firstMs * 2 ** Math.min(attempt, 32))
}
