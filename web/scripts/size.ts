// Bundles all of the library as an app's bundler would, and fails when visitors would have to load too much.
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { build } from 'rolldown'

/** Bytes, compressed. The components' styles count with them. */
const BUDGETS = { library: 14_000, mqtt: 110_000, components: 9_000 }

const dist = (file: string) => readFileSync(`${import.meta.dirname}/../dist/${file}`)

async function bundle(input: string, external: RegExp) {
  const { output } = await build({
    input: `${import.meta.dirname}/${input}`,
    external,
    platform: 'browser',
    // 'use client' means nothing where all of it runs in the browser.
    checks: { moduleLevelDirective: false },
    output: { minify: true },
    write: false,
  })
  return output
}

const sizes = {
  library: gzipSync(dist('clockWorker.js')).length,
  mqtt: 0,
  components: gzipSync(dist('components.css')).length,
}
for (const chunk of await bundle('everything.js', /^react/)) {
  if (chunk.type !== 'chunk') continue
  const isMqtt = chunk.moduleIds.some((id) => id.includes('/node_modules/mqtt/'))
  sizes[isMqtt ? 'mqtt' : 'library'] += gzipSync(chunk.code).length
}
// The hooks are in a chunk that both entries share, and are counted above.
for (const chunk of await bundle('components.js', /^(\.\/)?react/))
  if (chunk.type === 'chunk') sizes.components += gzipSync(chunk.code).length
for (const name of ['library', 'mqtt', 'components'] as const) {
  const over = sizes[name] > BUDGETS[name]
  console.log(`${name}: ${sizes[name]} of ${BUDGETS[name]} bytes gzip${over ? ': too much' : ''}`)
  if (over || sizes[name] === 0) process.exitCode = 1
}
