// The server that kull-sync replaces: express, ws, and a map from each user to the sockets of its devices.
import { createServer } from 'node:http'
import { WebSocketServer } from 'ws'
import { createApp, verify } from './post.js'

/** @type {Map<string, Set<import('ws').WebSocket>>} */
const sockets = new Map()

function broadcast(user, envelope) {
  const text = JSON.stringify(envelope)
  let sent = 0
  for (const socket of sockets.get(user) ?? []) {
    if (socket.readyState !== socket.OPEN) continue
    socket.send(text)
    sent += 1
  }
  return sent
}

const server = createServer(createApp(broadcast))
const devices = new WebSocketServer({ noServer: true, perMessageDeflate: false })

server.on('upgrade', (request, socket, head) => {
  let user
  try {
    user = verify(new URL(request.url, 'http://localhost').searchParams.get('token'))
  } catch {
    socket.end('HTTP/1.1 401 Unauthorized\r\n\r\n')
    return
  }
  devices.handleUpgrade(request, socket, head, (device) => {
    if (!sockets.has(user)) sockets.set(user, new Set())
    sockets.get(user).add(device)
    device.on('close', () => {
      sockets.get(user)?.delete(device)
      if (sockets.get(user)?.size === 0) sockets.delete(user)
    })
    device.on('error', () => device.terminate())
    device.on('message', (text) => {
      if (JSON.parse(text).type === 'PING') device.send('{"type":"PONG"}')
    })
    device.send('{"type":"CONNECTED"}')
  })
})

server.listen(Number(process.env.PORT), '127.0.0.1')
