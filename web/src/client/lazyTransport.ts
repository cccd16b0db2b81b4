import type { Clock } from './clock.ts'
import { SyncError } from './errors.ts'
import type { Transport } from './transport.ts'

/** MQTT over WebSocket. Its code, and mqtt.js with it, is a chunk of its own that is loaded at the first connect. */
export function lazyTransport(clock: Clock): Transport {
  return {
    async connect(request, events, signal) {
      const { connect } = await load()
      if (signal.aborted) throw new SyncError('stopped', 'The client was stopped')
      return connect(request, events, signal, clock)
    },
  }
}

async function load() {
  try {
    return await import('./mqttTransport.ts')
  } catch (cause) {
    // Offline, or the app was deployed anew meanwhile. The next try asks for it again.
    throw new SyncError('link-failed', 'The MQTT library could not be loaded', { retryable: true, cause })
  }
}
