// Bundles all of the library as an app's bundler would, and fails when visitors would have to load too much.
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { build } from 'rolldown'

/** Bytes, compressed. */
const BUDGETS = { library: 14_000, mqtt: 110_000 }

const { output } = await build({
  input: `${import.meta.dirname}/everything.js`,
  external: /^react/,
  platform: 'browser',
  output: { minify: true },
  write: false,
})

const worker = readFileSync(`${import.meta.dirname}/../dist/clockWorker.js`)
const sizes = { library: gzipSync(worker).length, mqtt: 0 }
for (const chunk of output) {
  if (chunk.type !== 'chunk') continue
  const isMqtt = chunk.moduleIds.some((id) => id.includes('/node_modules/mqtt/'))
  sizes[isMqtt ? 'mqtt' : 'library'] += gzipSync(chunk.code).length
}
for (const name of ['library', 'mqtt'] as const) {
  const over = sizes[name] > BUDGETS[name]
  console.log(`${name}: ${sizes[name]} of ${BUDGETS[name]} bytes gzip${over ? ': too much' : ''}`)
  if (over || sizes[name] === 0) process.exitCode = 1
}
