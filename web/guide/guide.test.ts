/** What docs/guide.md has its reader type, typed. */
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { aliases } from '../demo/aliases.ts'
import { readGuide, stages } from './blocks.ts'

const run = promisify(execFile)
const WEB = join(import.meta.dirname, '..')
const LIBRARY = {
  '@kull/sync': 'client',
  '@kull/sync/react': 'react',
  '@kull/sync/components': 'components',
  '@kull/sync/testing': 'testing',
}
const PATIENCE = 60_000

let directory: string

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'kull-sync-guide-'))
  symlinkSync(join(WEB, 'node_modules'), join(directory, 'node_modules'))
  for (const [n, stage] of stages(readGuide()).entries())
    for (const [path, code] of stage) write(`stage-${n}/${path}`, code)
})
afterAll(() => rmSync(directory, { recursive: true }))

function write(path: string, text: string): void {
  const file = join(directory, path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
}

/** What a program of node_modules prints. Rejects with it when it fails. */
async function program(script: string, ...args: string[]): Promise<string> {
  const command = [join(WEB, 'node_modules', script), ...args]
  const options = { cwd: directory, timeout: PATIENCE, env: { ...process.env, NO_COLOR: '1' } }
  const failed = ({ stdout, stderr }: { stdout: string; stderr: string }) => {
    throw new Error(stdout + stderr)
  }
  return (await run(process.execPath, command, options).catch(failed)).stdout
}

test('every stage of the app has the right types', { timeout: PATIENCE }, async () => {
  const paths = Object.entries(LIBRARY).map(([name, part]) => [name, [join(WEB, `src/${part}/index.ts`)]])
  const config = {
    extends: join(WEB, 'tsconfig.json'),
    compilerOptions: { types: ['vite/client', 'node'], paths: Object.fromEntries(paths) },
    include: ['stage-*/**/*'],
  }
  write('tsconfig.json', JSON.stringify(config))

  expect(await program('typescript/bin/tsc', '-p', '.')).toBe('')
})

test("the app's own test passes", { timeout: PATIENCE }, async () => {
  const find = { '@kull/sync/testing': join(WEB, 'src/testing/index.ts') }
  const alias = [
    ...Object.entries(find).map(([name, replacement]) => ({ find: name, replacement })),
    ...aliases,
  ]
  write('vitest.config.ts', `export default ${JSON.stringify({ resolve: { alias } })}`)

  expect(await program('vitest/vitest.mjs', 'run', '--root', '.')).toMatch(/Tests +1 passed/)
})

test('a block without a path is a mistake of the guide', () => {
  expect(() => stages('```ts\nconst a = 1\n```\n')).toThrow('names no file')
})

test('a file that comes again replaces the first, and the others stay', () => {
  const guide = ['a', 'b', 'a'].map((name, n) => `\`\`\`ts\n// src/${name}.ts\n${n}\n\`\`\`\n`).join('\n')
  expect(stages(guide).map((stage) => Object.fromEntries(stage))).toEqual([
    { 'src/a.ts': '// src/a.ts\n0\n', 'src/b.ts': '// src/b.ts\n1\n' },
    { 'src/a.ts': '// src/a.ts\n2\n', 'src/b.ts': '// src/b.ts\n1\n' },
  ])
})
