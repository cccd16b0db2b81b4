import { afterEach, expect, test, vi } from 'vitest'
import { FakeClock } from './fakeClock.ts'
import { lazyTransport } from './lazyTransport.ts'

afterEach(() => vi.unstubAllGlobals())

function connect(url: string): Promise<unknown> {
  const request = {
    url,
    clientId: 'ada:web-1',
    username: 'ada',
    password: 'secret',
    keepalive: 30,
    cleanStart: false,
    sessionExpiry: 60,
    will: { topic: 'a', payload: '{}', delay: 5, expiry: 60 },
  }
  const events = { message: () => undefined, lost: () => undefined }
  return lazyTransport(new FakeClock()).connect(request, events, new AbortController().signal)
}

test('a socket that the browser lets not begin is a failed link, with its words', async () => {
  const forbidden = class {
    constructor() {
      throw new DOMException('No ws:// from a page on https.', 'SecurityError')
    }
  }
  vi.stubGlobal('WebSocket', forbidden)
  await expect(connect('ws://broker.test/mqtt')).rejects.toMatchObject({
    code: 'link-failed',
    retryable: true,
    message: 'No ws:// from a page on https.',
  })
})

test('where no broker can be reached by WebSocket, the error says so', async () => {
  await expect(connect('')).rejects.toMatchObject({
    code: 'link-failed',
    retryable: true,
    message: 'The session answer names no ws:// or wss:// URL of the broker',
  })
})
