// @vitest-environment jsdom
import { renderToString } from 'react-dom/server'
import { describe, expect, test } from 'vitest'
import { sessionAnswer } from '../client/fakeBroker.ts'
import type { GetSession } from '../client/index.ts'
import { clientAmongFakes, message, topics } from '../client/testing.ts'
import { SyncProvider } from '../react/index.ts'
import { SyncIndicator } from './SyncIndicator.tsx'
import { point, press, show, showConnected, watchReact } from './testing.tsx'

watchReact()

/** Connected, with a bridge that answers each ping after `rtt` milliseconds. */
async function withBridge(rtt: number) {
  const screen = await showConnected(<SyncIndicator />)
  screen.broker.onPublish = ({ topic, payload }) => {
    if (!topic.endsWith('/ping')) return
    const { sentAt } = JSON.parse(payload).data
    const pong = JSON.stringify(message('PONG', { sentAt, receivedAt: sentAt }))
    screen.clock.after(rtt, () => screen.broker.publish(topics.inbox, pong))
  }
  return screen
}

const details = (element: Element) => element.querySelector('.kull-details')

test('each state has a word and a shape of its own, so that colour alone tells nothing', async () => {
  const screen = await show(<SyncIndicator />)
  const looks = new Set<string>()
  const look = () => looks.add(screen.find('svg').innerHTML)
  await screen.pass(0)
  expect(screen.find('.kull-indicator').dataset.state).toBe('connected')
  expect(screen.text()).toBe('Connected')
  look()
  screen.broker.reachable = false
  screen.broker.cut()
  await screen.pass(4000)
  expect(screen.find('.kull-indicator').dataset.state).toBe('reconnecting')
  expect(screen.text()).toBe('Reconnecting…')
  look()
  await screen.act(() => void screen.client.disconnect())
  expect(screen.find('.kull-indicator').dataset.state).toBe('disconnected')
  expect(screen.text()).toBe('Disconnected')
  look()
  expect(looks.size).toBe(3)
})

test('a blip that is shorter than the grace period is not shown', async () => {
  const screen = await showConnected(<SyncIndicator />)
  screen.broker.reachable = false
  await screen.act(() => screen.broker.cut())
  expect(screen.client.getSnapshot().status).toBe('reconnecting')
  expect(screen.text()).toBe('Connected')
})

test.each([
  [401, 'Not signed in'],
  [null, 'Signed out'],
])('when it has stopped for good it says why: session answer %s', async (status, words) => {
  const getSession = async () => {
    if (status === null) return null
    throw Object.assign(new Error('refused'), { status })
  }
  const screen = await show(<SyncIndicator />, clientAmongFakes({ getSession }))
  await screen.pass(0)
  expect(screen.text()).toBe(words)
})

test('a change of state is read out, and the countdown is not', async () => {
  const screen = await showConnected(<SyncIndicator />)
  await screen.act(() => screen.button('Connected').focus())
  expect(screen.find('[role=status]').textContent).toBe('Connected')
  expect(screen.find('[role=status]').contains(details(screen.element))).toBe(false)
})

describe('the details', () => {
  test.each<[string, (trigger: HTMLElement) => void]>([
    ['hover', (trigger) => point(trigger, 'over')],
    ['focus', (trigger) => trigger.focus()],
    ['a touch', (trigger) => trigger.click()],
  ])('open by %s, and Escape closes them', async (_, open) => {
    const screen = await showConnected(<SyncIndicator />)
    const trigger = screen.button('Connected')
    expect(details(screen.element)).toBeNull()
    await screen.act(() => open(trigger))
    expect(details(screen.element)).not.toBeNull()
    expect(trigger.getAttribute('aria-expanded')).toBe('true')
    expect(document.getElementById(trigger.getAttribute('aria-describedby') ?? '')?.tagName).toBe('DL')
    await screen.act(() => press('Escape'))
    expect(details(screen.element)).toBeNull()
    expect(trigger.getAttribute('aria-expanded')).toBe('false')
  })

  test('stay while the pointer or the focus is on them, and go when it leaves', async () => {
    const screen = await showConnected(<SyncIndicator />)
    const trigger = screen.button('Connected')
    await screen.act(() => trigger.focus())
    await screen.act(() => point(trigger, 'out'))
    expect(details(screen.element)).not.toBeNull()
    await screen.act(() => screen.button('Check now').focus())
    expect(details(screen.element)).not.toBeNull()
    await screen.act(() => screen.button('Check now').blur())
    expect(details(screen.element)).toBeNull()
    await screen.act(() => point(trigger, 'over'))
    await screen.act(() => point(trigger, 'out'))
    expect(details(screen.element)).toBeNull()
  })

  test('stay where a finger has opened them until it touches something else', async () => {
    const screen = await showConnected(<SyncIndicator />)
    const trigger = screen.button('Connected')
    await screen.act(() => {
      point(trigger, 'over', 'touch')
      point(trigger, 'out', 'touch')
      trigger.click()
    })
    expect(details(screen.element)).not.toBeNull()
    await screen.act(() => document.body.dispatchEvent(new PointerEvent('pointerdown', { bubbles: true })))
    expect(details(screen.element)).toBeNull()
  })

  test('give the focus back to the button when Escape closes them', async () => {
    const screen = await showConnected(<SyncIndicator />)
    const trigger = screen.button('Connected')
    await screen.act(() => trigger.focus())
    await screen.act(() => screen.button('Check now').focus())
    await screen.act(() => press('Escape'))
    expect(document.activeElement).toBe(trigger)
    expect(details(screen.element)).toBeNull()
  })

  test('measure the round trip when they open, and again at a click', async () => {
    const screen = await withBridge(42)
    await screen.act(() => screen.button('Connected').focus())
    expect(screen.text()).toContain('measuring…')
    await screen.pass(42)
    expect(screen.text()).toContain('42 ms')
    const pings = () => screen.broker.published.filter(({ topic }) => topic.endsWith('/ping')).length
    const before = pings()
    await screen.act(() => screen.button('Check now').click())
    expect(pings()).toBe(before + 1)
  })

  test('say so when the bridge does not answer', async () => {
    const screen = await showConnected(<SyncIndicator />)
    await screen.act(() => screen.button('Connected').focus())
    await screen.pass(10_000)
    expect(screen.text()).toContain('no answer')
  })

  test('count down to the next try, and Retry now does not wait for it', async () => {
    const world = clientAmongFakes({ backoff: { firstMs: 20_000 } })
    world.broker.reachable = false
    const screen = await show(<SyncIndicator />, world)
    await screen.pass(0)
    await screen.act(() => screen.button('Connecting…').focus())
    const state = screen.client.getSnapshot()
    if (!('nextRetryAt' in state) || state.nextRetryAt === null) throw new Error('waits for nothing')
    const seconds = () => Number(/in (\d+) s/.exec(screen.text())?.[1])
    expect(seconds()).toBe(Math.ceil((state.nextRetryAt - screen.clock.date()) / 1000))
    const before = seconds()
    await screen.pass(2000)
    expect(seconds()).toBe(before - 2)
    const tries = screen.broker.connects.length
    screen.broker.reachable = true
    await screen.act(() => screen.button('Retry now').click())
    expect(screen.broker.connects).toHaveLength(tries + 1)
    expect(screen.text()).toContain('Connected')
  })

  test('begin anew when everything has stopped, but for one that was signed out', async () => {
    let signedIn = false
    const getSession: GetSession = async ({ request }) => {
      if (!signedIn) throw Object.assign(new Error('refused'), { status: 401 })
      return sessionAnswer('ada', request.deviceId)
    }
    const screen = await show(<SyncIndicator />, clientAmongFakes({ getSession }))
    await screen.pass(0)
    await screen.act(() => screen.button('Not signed in').focus())
    signedIn = true
    await screen.act(() => screen.button('Retry now').click())
    expect(screen.client.getSnapshot().status).toBe('connected')
    await screen.act(() => void screen.client.signOut())
    expect(screen.text()).toContain('Signed out')
    expect(() => screen.button('Retry now')).toThrow('No button')
  })

  test('say since when, with the day where that is not today', async () => {
    const screen = await showConnected(<SyncIndicator locale="de" />)
    await screen.pass(0)
    await screen.act(() => screen.button('Connected').focus())
    const time = screen.find('time')
    expect(time.getAttribute('datetime')).toBe(new Date(screen.client.getSnapshot().since).toISOString())
    expect(time.textContent).toMatch(/^\d\d:\d\d$/)
  })
})

test('it takes other words, and what else a div takes', async () => {
  const screen = await showConnected(
    <SyncIndicator labels={{ connected: 'Verbunden' }} className="mine" data-test="x" />,
  )
  expect(screen.text()).toBe('Verbunden')
  expect(screen.find('.mine.kull-indicator').dataset.test).toBe('x')
})

test('a server renders it without a style attribute', () => {
  const html = renderToString(
    <SyncProvider client={clientAmongFakes().client}>
      <SyncIndicator />
    </SyncProvider>,
  )
  expect(html).toContain('Disconnected')
  expect(html).not.toContain('style=')
})
