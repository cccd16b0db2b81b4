/** What an app that installs the package finds in it. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const ROOT = `${import.meta.dirname}/..`
const { exports } = JSON.parse(readFileSync(`${ROOT}/package.json`, 'utf8'))

test.each([
  ['./react', true],
  ['./components', true],
  // Those a server may run.
  ['.', false],
  ['./testing', false],
])('%s is marked as of the browser for React Server Components: %s', (entry, marked) => {
  const code = readFileSync(`${ROOT}/${exports[entry].default}`, 'utf8')
  // It counts only as the very first statement.
  expect(/^['"]use client['"];?\n/.test(code)).toBe(marked)
})

test.each(Object.keys(exports))('%s is where package.json says, with its types', (entry) => {
  const target = exports[entry]
  const files = typeof target === 'string' ? [target] : Object.values<string>(target)
  for (const file of files) expect(readFileSync(`${ROOT}/${file}`, 'utf8')).not.toBe('')
})

test('the styles are one file, which a page without a bundler can link', () => {
  const css = readFileSync(`${ROOT}/${exports['./components.css']}`, 'utf8')
  expect(css).not.toContain('@import')
  for (const part of ['.kull-badge', '.kull-indicator', '.kull-device', '.kull-shoot', '.kull-toast'])
    expect(css).toContain(`\n${part} {`)
})
