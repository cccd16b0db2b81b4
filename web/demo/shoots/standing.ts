import type { ShootState } from '@kull/sync'
import type { Shoot, ShootStatus } from '../data/types.ts'

export interface Standing {
  readonly status: ShootStatus
  readonly processedCount: number
  readonly run: number
  readonly error: string | null
  /** From 0 to 1. */
  readonly done: number
}

/** How a shoot stands: what the devices were told, unless the backend knows of a later run. */
export function standingOf(shoot: Shoot, live: ShootState | null): Standing {
  const { status, processedCount, run, error } = live !== null && live.run >= shoot.run ? live : shoot
  return {
    status,
    processedCount,
    run,
    error: error ?? null,
    done: shoot.imageCount === 0 ? 1 : Math.min(1, processedCount / shoot.imageCount),
  }
}

export function isCulling({ status }: { readonly status: ShootStatus }): boolean {
  return status === 'queued' || status === 'processing'
}
