// Builds the smallest app that uses all of the library, and fails when its visitors would have to load too much.
import { gzipSync } from 'node:zlib'
import { build } from 'vite'

/** Bytes, compressed. */
const BUDGETS = { library: 14_000, mqtt: 110_000 }

const ENTRY = 'virtual:app'
const result = await build({
  configFile: false,
  logLevel: 'error',
  plugins: [
    {
      name: 'app',
      resolveId: (id) => (id === ENTRY ? id : null),
      load: (id) =>
        id === ENTRY
          ? `import * as client from '@kull/sync'; import * as react from '@kull/sync/react'; console.log(client, react)`
          : null,
    },
  ],
  build: { write: false, rolldownOptions: { input: ENTRY, external: /^react/ } },
})

const sizes = { library: 0, mqtt: 0 }
for (const file of [result].flat().flatMap((built) => ('output' in built ? built.output : []))) {
  const content = file.type === 'chunk' ? file.code : file.source
  const isMqtt = file.type === 'chunk' && file.moduleIds.some((id) => id.includes('/node_modules/mqtt/'))
  sizes[isMqtt ? 'mqtt' : 'library'] += gzipSync(content).length
}
for (const name of ['library', 'mqtt'] as const) {
  const over = sizes[name] > BUDGETS[name]
  console.log(`${name}: ${sizes[name]} of ${BUDGETS[name]} bytes gzip${over ? ': too much' : ''}`)
  if (over || sizes[name] === 0) process.exitCode = 1
}
