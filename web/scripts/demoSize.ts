// Fails when the demo's first page loads too much, or holds what its Content-Security-Policy refuses.
import { readdirSync, readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

/** Bytes, compressed: page, scripts, styles and the clock worker. What is loaded later, as mqtt.js is, counts not. */
const BUDGET = 130_000

const BUILT = new URL('../../functions/demo_app/', import.meta.url).pathname
const page = readFileSync(`${BUILT}index.html`, 'utf8')
const worker = readdirSync(`${BUILT}assets`).filter((name) => name.startsWith('clockWorker'))
const named = [...page.matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)].map(([, name = '']) => name)
const files = ['index.html', ...named, ...worker.map((name) => `assets/${name}`)]

let size = 0
for (const name of files) size += gzipSync(readFileSync(BUILT + name)).length
const over = size > BUDGET
console.log(`demo, first page: ${size} of ${BUDGET} bytes gzip${over ? ': too much' : ''}`)

const faults = [
  over && 'Load less at first: a page that few visit can be a lazy route.',
  named.length < 2 && 'The page names no script or no style: this check looks in the wrong place.',
  worker.length !== 1 && 'The clock worker is not a file of its own.',
  /<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=/.test(page) && 'The page holds a script or a style.',
].filter((fault) => fault !== false)
for (const fault of faults) console.error(fault)
if (faults.length > 0) process.exitCode = 1
