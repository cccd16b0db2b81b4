import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { browserTabs, type Tabs, type Term } from './tabs.ts'

let name = 0
let tabs: Tabs

beforeEach(() => {
  name += 1
  vi.stubGlobal('document', {})
  const here = browserTabs()
  if (here === null) throw new Error('Locks are missing here')
  tabs = here
})
afterEach(() => vi.unstubAllGlobals())

/** Stands for election; `led` is told of the term, which lasts until `end`. */
function stand(steal = false) {
  const withdraw = new AbortController()
  const terms: Term[] = []
  let end: () => void = () => undefined
  const over = tabs.lead(`test-${name}`, steal, withdraw.signal, (term) => {
    terms.push(term)
    return new Promise((resolve) => {
      end = resolve
    })
  })
  return { terms, over, withdraw: () => withdraw.abort(), end: () => end() }
}

const leads = (candidate: ReturnType<typeof stand>) =>
  vi.waitFor(() => expect(candidate.terms).toHaveLength(1))

test('one leads at a time; the next one follows when it ends', async () => {
  const first = stand()
  await leads(first)
  const second = stand()
  await vi.waitFor(async () => expect(await tabs.awaited(`test-${name}`)).toBe(true))
  expect(second.terms).toHaveLength(0)
  first.end()
  await leads(second)
  expect(await tabs.awaited(`test-${name}`)).toBe(false)
  expect(await second.terms[0]?.stillLeads()).toBe(true)
  second.end()
  await Promise.all([first.over, second.over])
})

test('who withdraws is not elected', async () => {
  const first = stand()
  await leads(first)
  const second = stand()
  second.withdraw()
  await second.over
  first.end()
  await first.over
  expect(second.terms).toHaveLength(0)
})

test('a stolen lead is told as lost', async () => {
  const first = stand()
  await leads(first)
  const thief = stand(true)
  await leads(thief)
  await vi.waitFor(() => expect(first.terms[0]?.lost.aborted).toBe(true))
  expect(thief.terms[0]?.lost.aborted).toBe(false)
  thief.end()
  await thief.over
})

test('where locks are forbidden a tab leads by itself', async () => {
  vi.stubGlobal('navigator', {
    locks: { request: async () => Promise.reject(new DOMException('no', 'SecurityError')) },
  })
  tabs = browserTabs() ?? tabs
  const alone = stand()
  await leads(alone)
  expect(await alone.terms[0]?.stillLeads()).toBe(true)
  alone.end()
  await alone.over
})

test('tabs hear each other, and not themselves', async () => {
  const heard: unknown[] = []
  const one = tabs.channel(`test-${name}`, (note) => heard.push(['one', note]))
  const two = tabs.channel(`test-${name}`, (note) => heard.push(['two', note]))
  one.post({ kind: 'hello' })
  await vi.waitFor(() => expect(heard).toEqual([['two', { kind: 'hello' }]]))
  one.close()
  two.close()
})

test('where tabs are forbidden to hear each other there are no tabs', () => {
  const forbidden = class {
    constructor() {
      throw new DOMException('The operation is insecure.', 'SecurityError')
    }
  }
  vi.stubGlobal('BroadcastChannel', forbidden)
  expect(browserTabs()).toBeNull()
  vi.stubGlobal('BroadcastChannel', undefined)
  expect(browserTabs()).toBeNull()
})

test('without a page, or without locks, there are no tabs', () => {
  vi.stubGlobal('navigator', {})
  expect(browserTabs()).toBeNull()
  vi.unstubAllGlobals()
  expect(browserTabs()).toBeNull()
})
