// The publish function for Lambda in Node: jsonwebtoken and mqtt.js, one connection kept warm.
import { randomUUID } from 'node:crypto'
import jwt from 'jsonwebtoken'
import mqtt from 'mqtt'

const { env } = process
const STATUSES = new Set(['queued', 'processing', 'completed', 'failed'])

let connecting

function connected() {
  connecting ??= mqtt.connectAsync(`mqtt://${env.BENCH_MQTT_HOST}:${env.BENCH_MQTT_PORT}`, {
    protocolVersion: 5,
    clientId: env.BENCH_MQTT_CLIENT,
    username: env.BENCH_MQTT_USER,
    password: env.BENCH_MQTT_TOKEN,
  })
  return connecting
}

const answer = (statusCode, body) => ({
  statusCode,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
})

export async function handler(event) {
  let user
  try {
    const [, token] = event.headers.authorization.split(' ')
    user = jwt.verify(token, env.BENCH_SECRET, {
      algorithms: ['HS256'],
      issuer: env.BENCH_ISSUER,
      audience: env.BENCH_AUDIENCE,
    }).sub
  } catch {
    return answer(401, { error: 'unauthorized' })
  }
  const { userId, deviceId, ...data } = JSON.parse(event.body)
  if (userId !== user) return answer(403, { error: 'forbidden' })
  if (!data.shootId || !STATUSES.has(data.status)) return answer(422, { error: 'invalid body' })
  const id = randomUUID()
  const message = {
    type: 'SHOOT_PROGRESS',
    id,
    timestamp: Date.now(),
    userId,
    deviceId: deviceId ?? null,
    data,
  }
  const client = await connected()
  await client.publishAsync(`sync/v1/users/${user}/events/shoots/${data.shootId}`, JSON.stringify(message), {
    qos: 1,
  })
  return answer(202, { id })
}
