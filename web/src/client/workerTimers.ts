export type CancelTimer = () => void

export interface Timers {
  after(ms: number, callback: () => void): CancelTimer
}

/** Timers of this thread: for Node, for servers, and where no worker may be started. */
export const nativeTimers: Timers = {
  after(ms, callback) {
    const id = setTimeout(callback, ms)
    return () => clearTimeout(id)
  },
}

/** What a worker has to offer here. */
export interface TimerWorker {
  postMessage(message: { readonly id: number; readonly ms: number | null }): void
  addEventListener(type: 'message', listener: (event: { readonly data: number }) => void): void
  addEventListener(type: 'error', listener: () => void): void
}

interface Pending {
  readonly ms: number
  readonly callback: () => void
  cancelNative?: CancelTimer
}

/** Timers of a worker, and of this thread instead once the worker turns out not to start. */
export function workerTimers(worker: TimerWorker): Timers {
  const pending = new Map<number, Pending>()
  let next = 1
  let broken = false

  const fire = (id: number) => {
    const timer = pending.get(id)
    pending.delete(id)
    timer?.callback()
  }
  const startNative = (id: number, timer: Pending) => {
    timer.cancelNative = nativeTimers.after(timer.ms, () => fire(id))
  }
  worker.addEventListener('message', ({ data }) => fire(data))
  worker.addEventListener('error', () => {
    if (broken) return
    broken = true
    for (const [id, timer] of pending) startNative(id, timer)
  })
  return {
    after(ms, callback) {
      const id = next++
      const timer: Pending = { ms, callback }
      pending.set(id, timer)
      if (broken) startNative(id, timer)
      else worker.postMessage({ id, ms })
      return () => {
        if (!pending.delete(id)) return
        if (timer.cancelNative) timer.cancelNative()
        else worker.postMessage({ id, ms: null })
      }
    },
  }
}

let shared: Timers | undefined

/** The timers of this page: one worker, started when the first is needed. */
export function timers(): Timers {
  shared ??= typeof Worker === 'function' && typeof document === 'object' ? startWorker() : nativeTimers
  return shared
}

function startWorker(): Timers {
  try {
    // Spelled as bundlers expect it, so that they emit the file: https://webpack.js.org/guides/web-workers/
    return workerTimers(new Worker(new URL('./clockWorker.js', import.meta.url), { type: 'module' }))
  } catch {
    return nativeTimers
  }
}
