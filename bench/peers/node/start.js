// Calls the handler once, as the runtime does after a cold start; the event comes on stdin.
import { readFileSync } from 'node:fs'
import { handler } from './handler.js'

process.stdout.write(`${JSON.stringify(await handler(JSON.parse(readFileSync(0, 'utf8'))))}\n`)
