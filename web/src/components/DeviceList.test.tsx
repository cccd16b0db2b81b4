// @vitest-environment jsdom
import { renderToString } from 'react-dom/server'
import { describe, expect, test, vi } from 'vitest'
import type { DeviceState, Platform } from '../client/index.ts'
import { Names } from '../client/names.ts'
import { clientAmongFakes, DEVICE, message, topics, USER } from '../client/testing.ts'
import { SyncProvider } from '../react/index.ts'
import { DeviceList } from './DeviceList.tsx'
import { press, show, showConnected, type World, watchReact } from './testing.tsx'

watchReact()

const DAYS_30 = 2_592_000

function arrives({ broker }: Pick<World, 'broker'>, deviceId: string, more = {}): void {
  const data = {
    deviceId,
    name: deviceId,
    platform: 'mac' as Platform,
    session: 1,
    epoch: 'epoch-1',
    ...more,
  }
  broker.publish(topics.device(deviceId), JSON.stringify(message('DEVICE_CONNECTED', data)), {
    retain: true,
    expiry: DAYS_30,
  })
}

/** Leaves, `ago` seconds before now. */
function leaves(
  { broker }: Pick<World, 'broker'>,
  deviceId: string,
  ago = 0,
  reason: 'lost' | 'signed-out' = 'lost',
): void {
  const gone = message('DEVICE_DISCONNECTED', { deviceId, session: 1, reason })
  broker.publish(topics.device(deviceId), JSON.stringify(gone), { retain: true, expiry: DAYS_30 - ago })
}

async function listed(children = <DeviceList />) {
  const screen = await showConnected(children)
  await screen.pass(200)
  const rows = () => [...screen.element.querySelectorAll('li')]
  return {
    ...screen,
    rows,
    names: () => rows().map((row) => row.querySelector('.kull-device-name')?.textContent),
  }
}

describe('what is shown', () => {
  test('every platform has an icon and a name of its own', async () => {
    const screen = await listed()
    const platforms = ['iphone', 'ipad', 'mac', 'web', 'windows', 'android', 'worker'] as const
    for (const platform of platforms) arrives(screen, `a-${platform}`, { platform })
    await screen.pass(200)
    const rows = screen.rows().slice(1)
    expect(new Set(rows.map((row) => row.querySelector('path')?.getAttribute('d'))).size).toBe(
      platforms.length,
    )
    expect(new Set(rows.map((row) => row.querySelector('.kull-quiet')?.textContent)).size).toBe(
      platforms.length,
    )
  })

  test('this device first and marked, then the others in an order that stays', async () => {
    const screen = await listed()
    arrives(screen, 'z')
    arrives(screen, 'a')
    await screen.pass(200)
    expect(screen.names()).toEqual(['Browser', 'a', 'z'])
    expect(screen.rows()[0]?.textContent).toContain('This device')
    expect(screen.rows()[1]?.textContent).not.toContain('This device')
    await screen.act(() => leaves(screen, 'a'))
    await screen.pass(200)
    expect(screen.names()).toEqual(['Browser', 'a', 'z'])
    expect(screen.find('.kull-count').textContent).toBe('2 of 3 online')
  })

  test('a device that left, since when, in words that keep up with the time', async () => {
    const screen = await listed()
    arrives(screen, 'mac')
    await screen.pass(200)
    await screen.act(() => leaves(screen, 'mac'))
    await screen.pass(200)
    const seen = () => screen.rows()[1]?.textContent
    expect(seen()).toBe('macMac · Last seen just nowOffline')
    await screen.pass(70_000)
    expect(seen()).toContain('Last seen 1 minute ago')
    await screen.pass(60_000)
    expect(seen()).toContain('Last seen 2 minutes ago')
  })

  test('a device that left before the page was loaded still has its name', async () => {
    const first = await listed()
    arrives(first, 'mac', { name: "Ada's Mac" })
    await first.pass(200)
    leaves(first, 'mac')
    first.unmount()
    const { clock, broker, storage } = first
    const later = clientAmongFakes({
      clock,
      transport: broker,
      storage,
      getSession: broker.getSession('ada'),
    })
    const screen = await showConnected(<DeviceList />, { ...later, clock, broker })
    await screen.pass(200)
    expect(screen.text()).toContain("Ada's MacMac · Last seen just now")
  })

  test.each([
    [59, 'just now'],
    [60, '1 minute ago'],
    [3599, '59 minutes ago'],
    [7200, '2 hours ago'],
    [86_400, 'yesterday'],
    [864_000, '10 days ago'],
  ])('a device that left %i s ago was last seen %s', async (ago, when) => {
    const world = clientAmongFakes()
    leaves(world, 'mac', ago)
    const screen = await showConnected(<DeviceList />, world)
    expect(screen.text()).toContain(`Last seen ${when}`)
  })

  const HOURS = 3600
  const DAYS = 24 * HOURS
  test.each<[string, number, 'lost' | 'signed-out', boolean, string]>([
    ['away for days', 7 * DAYS - HOURS, 'lost', true, 'listed'],
    ['away for a week', 7 * DAYS + 2 * HOURS, 'lost', true, 'folded'],
    ['signed out for hours', DAYS - HOURS, 'signed-out', true, 'listed'],
    ['signed out for a day', DAYS + 2 * HOURS, 'signed-out', true, 'folded'],
    ['just gone, but of no name', 60, 'lost', false, 'folded'],
  ])('a device that is %s is where it is looked for', async (_, ago, reason, named, where) => {
    const world = clientAmongFakes()
    if (named) new Names(world.storage).set(USER, 'mac', { name: 'mac', platform: 'mac' })
    leaves(world, 'mac', ago, reason)
    const screen = await showConnected(<DeviceList />, world)
    await screen.pass(200)
    const folded = screen.element.querySelectorAll('details li')
    expect(folded).toHaveLength(where === 'folded' ? 1 : 0)
    expect(screen.element.querySelector('summary')?.textContent).toBe(
      where === 'folded' ? 'Earlier devices (1)' : undefined,
    )
    expect(screen.find('.kull-count').textContent).toBe(`1 of ${where === 'folded' ? 1 : 2} online`)
    expect(screen.element.querySelectorAll('li')).toHaveLength(2)
  })

  test('what is folded away: the newest first, each can be signed out, and comes forth when it is back', async () => {
    const world = clientAmongFakes()
    leaves(world, 'old', 9 * DAYS)
    leaves(world, 'older', 10 * DAYS)
    leaves(world, 'new', 8 * DAYS)
    const screen = await showConnected(<DeviceList onSignOut={async () => undefined} />, world)
    await screen.pass(200)
    const seen = () =>
      [...screen.element.querySelectorAll('details li')].map((row) => row.querySelector('time')?.textContent)
    expect(seen()).toEqual(['Last seen 8 days ago', 'Last seen 9 days ago', 'Last seen 10 days ago'])
    expect(screen.element.querySelectorAll('details button')).toHaveLength(3)
    arrives(screen, 'old', { session: 2, name: "Ada's Mac" })
    await screen.pass(200)
    expect(seen()).toEqual(['Last seen 8 days ago', 'Last seen 10 days ago'])
    expect(screen.find('.kull-devices > ul').textContent).toContain("Ada's Mac")
  })

  test('loading until the present has come, and only then empty', async () => {
    const screen = await show(<DeviceList />, clientAmongFakes({ getSession: async () => null }))
    expect(screen.text()).toContain('No devices yet')
    const waiting = clientAmongFakes()
    waiting.broker.reachable = false
    expect((await show(<DeviceList />, waiting)).text()).toContain('Looking for devices…')
  })

  test('the same rows while it reconnects, marked as of then', async () => {
    const screen = await listed()
    arrives(screen, 'mac')
    await screen.pass(200)
    const rows = screen.rows()
    screen.broker.reachable = false
    await screen.act(() => screen.broker.cut())
    expect(screen.find('.kull-devices').dataset.stale).toBeUndefined()
    await screen.pass(4000)
    expect(screen.find('.kull-devices').dataset.stale).toBe('')
    expect(screen.rows()).toEqual(rows)
    expect(screen.names()).toEqual(['Browser', 'mac'])
    screen.broker.reachable = true
    await screen.act(() => screen.client.retryNow())
    await screen.pass(200)
    expect(screen.find('.kull-devices').dataset.stale).toBeUndefined()
    expect(screen.rows()).toEqual(rows)
  })
})

describe('signing a device out', () => {
  /** A Mac in the list, and the promise of signing it out in the test's hands. */
  async function withMac() {
    let end: { resolve: () => void; reject: (error: Error) => void } | null = null
    const onSignOut = vi.fn(
      (_: DeviceState) => new Promise<void>((resolve, reject) => (end = { resolve, reject })),
    )
    const screen = await listed(<DeviceList onSignOut={onSignOut} />)
    arrives(screen, 'mac')
    await screen.pass(200)
    return { ...screen, onSignOut, end: () => end as unknown as NonNullable<typeof end> }
  }

  test('asks first, and the focus goes along and back', async () => {
    const screen = await withMac()
    expect(document.activeElement).toBe(document.body)
    await screen.act(() => screen.button('Sign out: mac').click())
    expect(screen.text()).toContain('Sign out mac?')
    expect(document.activeElement).toBe(screen.button('Cancel'))
    await screen.act(() => press('Escape'))
    expect(document.activeElement).toBe(screen.button('Sign out: mac'))
    await screen.act(() => screen.button('Sign out: mac').click())
    await screen.act(() => screen.button('Cancel').click())
    expect(document.activeElement).toBe(screen.button('Sign out: mac'))
    expect(screen.onSignOut).not.toHaveBeenCalled()
  })

  test.each(['before', 'after'])(
    'does it once; the news comes %s the answer; the focus stays near',
    async (when) => {
      const screen = await withMac()
      await screen.act(() => screen.button('Sign out: mac').click())
      await screen.act(() => screen.button('Sign out').focus())
      await screen.act(() => screen.button('Sign out').click())
      await screen.act(() => screen.button('Signing out…').click())
      expect(screen.onSignOut).toHaveBeenCalledOnce()
      expect(screen.onSignOut.mock.calls[0]?.[0].deviceId).toBe('mac')
      const news = async () => {
        leaves(screen, 'mac', 0, 'signed-out')
        await screen.pass(200)
      }
      if (when === 'before') await news()
      await screen.act(() => screen.end().resolve())
      if (when === 'after') await news()
      expect(document.activeElement?.textContent).toBe('Devices')
      expect(screen.rows()[1]?.textContent).toContain('Signed out')
      expect(() => screen.button('Sign out: mac')).toThrow('No button')
    },
  )

  test('says when it failed, and can be tried again', async () => {
    const screen = await withMac()
    await screen.act(() => screen.button('Sign out: mac').click())
    await screen.act(() => screen.button('Sign out').click())
    await screen.act(() => screen.end().reject(new Error('503')))
    expect(screen.find('[role=alert]').textContent).toBe('Signing out failed: 503')
    await screen.act(() => screen.button('Sign out').click())
    expect(screen.onSignOut).toHaveBeenCalledTimes(2)
    expect(screen.element.querySelector('[role=alert]')).toBeNull()
  })

  test('is not offered where the app cannot, or of a device that is signed out', async () => {
    const screen = await listed()
    expect(screen.element.querySelector('button')).toBeNull()
    const other = await withMac()
    await other.act(() => leaves(other, 'mac', 0, 'signed-out'))
    await other.pass(200)
    expect(other.element.querySelectorAll('button')).toHaveLength(1)
    expect(other.button('Sign out: Browser')).toBeDefined()
  })
})

test('it takes other words, and what else a section takes', async () => {
  const screen = await listed(<DeviceList labels={{ thisDevice: 'Hier' }} locale="de" className="mine" />)
  arrives(screen, 'mac')
  await screen.pass(200)
  leaves(screen, 'mac', 130)
  await screen.pass(200)
  expect(screen.find('.mine').textContent).toContain('Hier')
  expect(screen.text()).toContain('vor 2 Minuten')
  expect(screen.client.identity?.deviceId).toBe(DEVICE)
})

test('a server renders it as loading, without a style attribute', () => {
  const html = renderToString(
    <SyncProvider client={clientAmongFakes().client}>
      <DeviceList />
    </SyncProvider>,
  )
  expect(html).toContain('Looking for devices…')
  expect(html).not.toContain('style=')
})
