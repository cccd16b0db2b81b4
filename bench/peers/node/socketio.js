// The same with Socket.IO: a room for each user.
import { createServer } from 'node:http'
import { Server } from 'socket.io'
import { createApp, verify } from './post.js'

const server = createServer()
const io = new Server(server, { transports: ['websocket'], serveClient: false, perMessageDeflate: false })

function broadcast(user, envelope) {
  io.to(user).emit('event', envelope)
  return io.sockets.adapter.rooms.get(user)?.size ?? 0
}

io.use((socket, next) => {
  try {
    socket.data.user = verify(socket.handshake.auth.token)
    next()
  } catch {
    next(new Error('unauthorized'))
  }
})

io.on('connection', (socket) => {
  socket.join(socket.data.user)
  socket.emit('ready')
})

server.on('request', createApp(broadcast))
server.listen(Number(process.env.PORT), '127.0.0.1')
