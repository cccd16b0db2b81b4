import type { SyncError, SyncEvents, SyncEventType, SyncState } from '@kull/sync'

/** An event in a few words. */
export function ofEvent(event: SyncEvents[SyncEventType]): string {
  switch (event.type) {
    case 'SHOOT_PROGRESS': {
      const { shootId, status, processedCount, totalCount } = event.data
      return `${shootId}: ${status}, ${processedCount} of ${totalCount}`
    }
    case 'CREDIT_UPDATE': {
      const { newBalance, change, reason } = event.data
      return `${newBalance} (${change < 0 ? '−' : '+'}${Math.abs(change)}) ${reason}`
    }
    case 'PROMPT_CHANGE': {
      const { action, promptId, title } = event.data
      return `${promptId ?? 'Many'} ${action}${title === undefined ? '' : `: ${title}`}`
    }
    case 'DEVICE_CONNECTED':
      return `${event.data.name} (${event.data.platform})`
    case 'DEVICE_DISCONNECTED':
      return `${event.data.deviceId}: ${event.data.reason}`
    case 'DEVICE_REMOVED':
      return event.deviceId
  }
}

/** A state in a few words. `now` in milliseconds since 1970. */
export function ofState(state: SyncState, now: number): string {
  const { status } = state
  if (status === 'connected')
    return state.rttMs === null ? status : `${status}, ${Math.round(state.rttMs)} ms`
  const why = state.error === null ? '' : `: ${state.error.message}`
  if (status === 'disconnected') return `${status}, ${state.reason}${why}`
  const next =
    state.nextRetryAt === null
      ? 'trying'
      : `next try in ${Math.max(0, (state.nextRetryAt - now) / 1000).toFixed(1)} s`
  return `${status}, try ${state.attempt}, ${next}${why}`
}

/** A state, with its error as JSON can show it. */
export function plainState(state: SyncState): object {
  return 'error' in state && state.error !== null ? { ...state, error: plainError(state.error) } : state
}

/** An error as JSON can show it: the message of an Error is no property that JSON sees. */
export function plainError({ code, message, field, reasonCode, retryable, cause }: SyncError): object {
  return {
    code,
    message,
    field,
    reasonCode,
    retryable,
    ...(cause instanceof Error && { cause: cause.message }),
  }
}
