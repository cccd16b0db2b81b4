/** What `/demo/api` answers. */
export interface Person {
  readonly userId: string
  readonly name: string
}

export interface Balance {
  readonly balance: number
  /** The ledger's version. */
  readonly sequence: number
}

export type ShootStatus = 'new' | 'queued' | 'processing' | 'completed' | 'failed'

export interface Shoot {
  readonly shootId: string
  readonly title: string
  readonly imageCount: number
  readonly status: ShootStatus
  readonly processedCount: number
  /** How often it was culled. */
  readonly run: number
  /** Why the last cull failed. */
  readonly error?: string
}

export interface Report {
  readonly shootId: string
  readonly title: string
  readonly imageCount: number
  readonly kept: number
  readonly rejected: number
  readonly duplicates: number
  /** How long it took. */
  readonly seconds: number
  /** What it cost. */
  readonly credits: number
}

export interface Prompt {
  readonly promptId: string
  readonly title: string
  readonly author: string
  /** Credits. */
  readonly price: number
  readonly description: string
}
