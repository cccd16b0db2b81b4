import { defineConfig } from 'vite'
import { aliases } from './aliases.ts'

/** Where `kull-sync dev` listens, for the development server to pass requests on to. */
const backend = process.env.KULL_SYNC_URL ?? 'http://127.0.0.1:8080'

export default defineConfig({
  root: import.meta.dirname,
  resolve: { alias: aliases },
  build: {
    outDir: '../../functions/demo_app',
    emptyOutDir: true,
    target: 'es2022',
    // The first versions with light-dark(), which would otherwise be spelled out twice.
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    // A data: URL is refused by the app's Content-Security-Policy where a script or a style is wanted.
    assetsInlineLimit: 0,
    // 'use client' of the router means nothing here, and how long a plugin took is no fault.
    rolldownOptions: { checks: { moduleLevelDirective: false, bundlerTimings: false } },
  },
  server: { proxy: { '/api': backend, '/demo/api': backend } },
})
