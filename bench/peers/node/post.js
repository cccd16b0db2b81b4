// What both Node servers do with a POST: check the caller's JWT and the body, build the envelope.
import { randomUUID } from 'node:crypto'
import express from 'express'
import jwt from 'jsonwebtoken'

const { BENCH_SECRET, BENCH_ISSUER, BENCH_AUDIENCE } = process.env
const STATUSES = new Set(['queued', 'processing', 'completed', 'failed'])

/** The user that a token proves. Throws when it proves none. */
export function verify(token) {
  return jwt.verify(token, BENCH_SECRET, {
    algorithms: ['HS256'],
    issuer: BENCH_ISSUER,
    audience: BENCH_AUDIENCE,
  }).sub
}

function authenticate(request, response, next) {
  const [scheme, token] = (request.headers.authorization ?? '').split(' ')
  try {
    if (scheme !== 'Bearer') throw new Error('no token')
    request.user = verify(token)
  } catch {
    response.status(401).json({ error: 'unauthorized' })
    return
  }
  next()
}

/** An express app whose one route hands each envelope to `broadcast(user, envelope)`. */
export function createApp(broadcast) {
  const app = express()
  app.use(express.json({ limit: '64kb' }))
  app.post('/api/sync/shoot-progress', authenticate, (request, response) => {
    const { userId, deviceId, ...data } = request.body ?? {}
    if (userId !== request.user) return response.status(403).json({ error: 'forbidden' })
    const counts = [data.processedCount, data.totalCount]
    if (!data.shootId || !STATUSES.has(data.status) || !counts.every(Number.isInteger)) {
      return response.status(422).json({ error: 'invalid body' })
    }
    const id = randomUUID()
    const listeners = broadcast(userId, {
      type: 'SHOOT_PROGRESS',
      id,
      timestamp: Date.now(),
      userId,
      deviceId: deviceId ?? null,
      data,
    })
    return response.status(202).json({ id, listeners })
  })
  return app
}
