import { readFileSync } from 'node:fs'
import type { Plugin } from 'vite'
import { defineConfig } from 'vitest/config'
import { aliases as demoAliases } from './demo/aliases.ts'

const IGNORE = '/* @vite-ignore */'

/**
 * Leaves `new URL('./clockWorker.js', import.meta.url)` as it is in the library: it is the app's bundler that has to
 * find the worker by it. Vite would inline the file here, as a data: URL that a strict CSP refuses.
 */
function keepWorkerUrl(): Plugin {
  const worker = "new URL('./clockWorker.js', import.meta.url)"
  return {
    name: 'keep-worker-url',
    apply: 'build',
    enforce: 'pre',
    transform(code) {
      if (!code.includes(worker)) return null
      return { code: code.replace(worker, worker.replace('(', `(${IGNORE} `)), map: null }
    },
    renderChunk(code) {
      return code.includes(IGNORE) ? { code: code.replace(IGNORE, ''), map: null } : null
    },
  }
}

/** Entries that need React. */
const WITH_REACT = ['react', 'components']

const COMPONENTS = `${import.meta.dirname}/src/components`

/** The styles in one file, which a page can link as well. No module imports them, so that Node can load the library. */
function styles(): string {
  const whole = readFileSync(`${COMPONENTS}/components.css`, 'utf8')
  return whole.replace(
    /@import "(.+)";\n/g,
    (_, file) => `\n${readFileSync(`${COMPONENTS}/${file}`, 'utf8')}`,
  )
}

/** What the package has besides modules. */
function addFiles(): Plugin {
  return {
    name: 'add-files',
    apply: 'build',
    generateBundle() {
      const license = readFileSync(`${import.meta.dirname}/../LICENSE`, 'utf8')
      for (const [fileName, source] of Object.entries({ 'components.css': styles(), LICENSE: license }))
        this.emitFile({ type: 'asset', fileName, source })
    },
  }
}

export default defineConfig({
  plugins: [keepWorkerUrl(), addFiles()],
  build: {
    target: 'es2022',
    sourcemap: true,
    minify: false,
    lib: {
      entry: {
        index: 'src/client/index.ts',
        react: 'src/react/index.ts',
        components: 'src/components/index.ts',
        testing: 'src/testing/index.ts',
        clockWorker: 'src/client/clockWorker.js',
      },
      formats: ['es'],
    },
    rolldownOptions: {
      external: ['mqtt', /^react/],
      output: {
        // What the mqtt chunk shares with the rest. In one file with the rest, apps would need a chunk more.
        codeSplitting: { groups: [{ name: 'errors', test: /src\/client\/errors\.ts$/ }] },
        // For React Server Components: what a server's component imports from here runs in the browser too.
        banner: ({ isEntry, name }) => (isEntry && WITH_REACT.includes(name) ? "'use client';" : ''),
      },
    },
  },
  test: {
    projects: [
      { extends: true, test: { name: 'unit', include: ['src/**/*.test.{ts,tsx}', 'guide/*.test.ts'] } },
      {
        extends: true,
        resolve: { alias: demoAliases },
        test: { name: 'demo', include: ['demo/**/*.test.{ts,tsx}'] },
      },
      {
        extends: true,
        resolve: {
          alias: {
            react: `${import.meta.dirname}/react18/node_modules/react`,
            'react-dom': `${import.meta.dirname}/react18/node_modules/react-dom`,
          },
        },
        test: { name: 'unit-react18', include: ['src/{react,components}/**/*.test.{ts,tsx}'] },
      },
      {
        extends: true,
        resolve: { alias: { '@kull/sync': `${import.meta.dirname}/dist/index.js` } },
        test: {
          name: 'e2e',
          include: ['e2e/**/*.test.ts'],
          // They wait for browser and broker more than they compute.
          maxWorkers: 2,
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
})
