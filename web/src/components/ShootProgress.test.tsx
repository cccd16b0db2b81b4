// @vitest-environment jsdom
import { renderToString } from 'react-dom/server'
import { describe, expect, test, vi } from 'vitest'
import { clientAmongFakes, progress, topics } from '../client/testing.ts'
import type { MessageData } from '../client/wire.generated.ts'
import { SyncProvider } from '../react/index.ts'
import { ShootProgress, type ShootProgressProps } from './ShootProgress.tsx'
import { show, showConnected, type World, watchReact } from './testing.tsx'

watchReact()

const DAY = 86_400
let sequence = 0

type Fields = Partial<MessageData['SHOOT_PROGRESS']>

/** Publishes as the functions do. `aged`: seconds that the broker has kept it. */
function publish({ broker }: Pick<World, 'broker'>, fields: Fields, aged = 0): void {
  sequence += 1
  broker.publish(topics.shoot(fields.shootId ?? 's'), JSON.stringify(progress(sequence, fields)), {
    retain: true,
    expiry: DAY - aged,
  })
}

const DONE = { status: 'completed', processedCount: 10 } as const

describe('what is shown', () => {
  test('a shoot on its way: percentage, values for assistive technology, image, provider', async () => {
    const screen = await showConnected(<ShootProgress shootId="s" name="Wedding" />)
    await screen.act(() =>
      publish(screen, { processedCount: 45, totalCount: 99, currentImage: 'DSC_1.jpg', provider: 'Lens' }),
    )
    const bar = screen.find('[role=progressbar]')
    expect(bar.getAttribute('aria-valuenow')).toBe('45')
    expect(bar.getAttribute('aria-valuemin')).toBe('0')
    expect(bar.getAttribute('aria-valuemax')).toBe('100')
    expect(bar.getAttribute('aria-valuetext')).toBe('45%, 45 of 99 images')
    const name = document.getElementById(bar.getAttribute('aria-labelledby') ?? '')
    expect(name?.textContent).toBe('Wedding')
    expect(screen.find('rect').getAttribute('width')).toBe('45%')
    expect(screen.text()).toBe('WeddingProcessing45%45 of 99 imagesLensNow: DSC_1.jpg')
  })

  test.each<[Fields, string, string | null]>([
    [{ status: 'queued', processedCount: 0 }, 'Queued', null],
    [{ status: 'processing', processedCount: 0, totalCount: 0 }, 'Processing', null],
    [{ status: 'processing', processedCount: 10 }, 'Processing', '99'],
    [{ status: 'completed', processedCount: 9 }, 'Completed', '100'],
    [{ status: 'failed', processedCount: 10 }, 'Failed', '99'],
    [{ status: 'failed', processedCount: 0, totalCount: 0 }, 'Failed', '0'],
  ])('%j has the badge %s and the value %s: 100 only when it is done', async (fields, badge, value) => {
    const screen = await showConnected(<ShootProgress shootId="s" />)
    await screen.act(() => publish(screen, fields))
    expect(screen.find('[role=status]').textContent).toBe(badge)
    expect(screen.find('.kull-shoot').dataset.state).toBe(fields.status)
    expect(screen.find('[role=progressbar]').getAttribute('aria-valuenow')).toBe(value)
  })

  test('loading until the present has come, and only then unknown, which it stays off line', async () => {
    const screen = await show(<ShootProgress shootId="s" />)
    const state = () => screen.find('.kull-shoot').dataset.state
    expect(state()).toBe('loading')
    await screen.pass(0)
    expect(state()).toBe('loading')
    await screen.pass(1000)
    expect(state()).toBe('unknown')
    expect(screen.find('[role=progressbar]').getAttribute('aria-valuetext')).toBe('No progress yet')
    screen.broker.reachable = false
    await screen.act(() => screen.broker.cut())
    await screen.pass(4000)
    expect(state()).toBe('unknown')
  })

  test('unknown where there will be no connection', async () => {
    const screen = await show(
      <ShootProgress shootId="s" />,
      clientAmongFakes({ getSession: async () => null }),
    )
    await screen.pass(0)
    expect(screen.find('.kull-shoot').dataset.state).toBe('unknown')
  })

  test('stale while there is no connection, but not for a blip', async () => {
    const screen = await showConnected(<ShootProgress shootId="s" />)
    await screen.act(() => publish(screen, {}))
    screen.broker.reachable = false
    await screen.act(() => screen.broker.cut())
    expect(screen.find('.kull-shoot').dataset.stale).toBeUndefined()
    await screen.pass(3000)
    expect(screen.find('.kull-shoot').dataset.stale).toBe('')
    expect(screen.text()).toContain('Not connected')
    screen.broker.reachable = true
    await screen.act(() => screen.client.retryNow())
    expect(screen.find('.kull-shoot').dataset.stale).toBeUndefined()
  })

  test('a server renders it as loading, and nothing that a strict style-src would refuse', () => {
    const html = renderToString(
      <SyncProvider client={clientAmongFakes().client}>
        <ShootProgress shootId="s" />
      </SyncProvider>,
    )
    expect(html).toContain('data-state="loading"')
    expect(html).not.toContain('style=')
  })
})

describe('the time that is left', () => {
  test('goes down between two messages, and not below nothing', async () => {
    const screen = await showConnected(<ShootProgress shootId="s" />)
    const left = () => screen.find('[role=timer]').textContent
    await screen.act(() => publish(screen, { eta: 65 }))
    expect(left()).toBe('1 min 5 s left')
    await screen.pass(6000)
    expect(left()).toBe('59 s left')
    await screen.act(() => publish(screen, { eta: 2, processedCount: 2 }))
    await screen.pass(100)
    expect(left()).toBe('2 s left')
    await screen.pass(10_000)
    expect(left()).toBe('Any moment now')
  })

  test('counts from when the message was published, also for one that the broker had kept', async () => {
    const world = clientAmongFakes()
    publish(world, { eta: 100 }, 30)
    const screen = await showConnected(<ShootProgress shootId="s" />, world)
    expect(screen.find('[role=timer]').textContent).toBe('1 min 10 s left')
  })

  test('is shown for a shoot that is on its way alone', async () => {
    const screen = await showConnected(<ShootProgress shootId="s" />)
    await screen.act(() => publish(screen, { ...DONE, eta: 9 }))
    expect(screen.element.querySelector('[role=timer]')).toBeNull()
  })
})

describe('a shoot that failed', () => {
  test('says why, and can be tried again; a failure of that is said too, and clicks do not pile up', async () => {
    let fail: (error: Error) => void = () => undefined
    const onRetry = vi.fn(() => new Promise((_, reject) => (fail = reject)))
    const screen = await showConnected(<ShootProgress shootId="s" onRetry={onRetry} />)
    await screen.act(() => publish(screen, { status: 'failed', error: 'The disk is full' }))
    expect(screen.text()).toContain('The disk is full')
    await screen.act(() => screen.button('Try again').click())
    await screen.act(() => screen.button('Try again').click())
    expect(onRetry).toHaveBeenCalledOnce()
    expect(onRetry).toHaveBeenCalledWith(expect.objectContaining({ shootId: 's', error: 'The disk is full' }))
    await screen.act(() => fail(new Error('503')))
    expect(screen.find('[role=alert]').textContent).toBe('Trying again failed: 503')
    await screen.act(() => screen.button('Try again').click())
    expect(onRetry).toHaveBeenCalledTimes(2)
    expect(screen.element.querySelector('[role=alert]')).toBeNull()
  })

  test('has no button where the app cannot try again', async () => {
    const screen = await showConnected(<ShootProgress shootId="s" />)
    await screen.act(() => publish(screen, { status: 'failed' }))
    expect(screen.text()).toContain('Something went wrong.')
    expect(() => screen.button('Try again')).toThrow('No button')
  })
})

describe('onFinished', () => {
  /** On screen and connected, with what onFinished was told. */
  async function watching(props: Partial<ShootProgressProps> = {}, world = clientAmongFakes()) {
    const told: string[] = []
    // A new function at each render, as apps write them.
    const shoot = (more: Partial<ShootProgressProps> = {}) => (
      <ShootProgress
        shootId="s"
        onFinished={({ status, run }, { replayed }) => told.push(`${status} ${run} ${replayed}`)}
        {...props}
        {...more}
      />
    )
    const screen = await show(shoot(), world)
    await screen.pass(0)
    return { ...screen, told, shoot }
  }

  test.each([
    ['completed', DONE],
    ['failed', { status: 'failed' }],
  ] as const)('is told once that a shoot %s, in StrictMode too', async (status, fields) => {
    const screen = await watching()
    await screen.act(() => publish(screen, {}))
    expect(screen.told).toEqual([])
    await screen.pass(100)
    await screen.act(() => publish(screen, fields))
    await screen.render(screen.shoot({ name: 'another' }))
    expect(screen.told).toEqual([`${status} 0 false`])
  })

  test('is told of a shoot that was unknown and is over at once', async () => {
    const screen = await watching()
    await screen.pass(2000)
    await screen.act(() => publish(screen, DONE))
    expect(screen.told).toEqual(['completed 0 false'])
  })

  test('is told once of a shoot that finished while the tab slept', async () => {
    const screen = await watching()
    await screen.act(() => publish(screen, {}))
    screen.broker.cut()
    screen.broker.reachable = false
    await screen.pass(100)
    publish(screen, DONE, 60)
    await screen.clock.sleep(60_000)
    screen.broker.reachable = true
    await screen.act(() => screen.page.wake())
    await screen.pass(200)
    expect(screen.told).toEqual(['completed 0 true'])
    await screen.act(() => screen.broker.cut())
    await screen.pass(60_000)
    expect(screen.client.getSnapshot().status).toBe('connected')
    expect(screen.told).toHaveLength(1)
  })

  test('is told of a shoot that finished before the first connection, but after it was shown', async () => {
    const world = clientAmongFakes()
    world.broker.reachable = false
    const screen = await watching({}, world)
    await screen.pass(60_000)
    publish(screen, DONE, 10)
    world.broker.reachable = true
    await screen.act(() => screen.client.retryNow())
    expect(screen.told).toEqual(['completed 0 true'])
  })

  test('is told nothing of a shoot that had finished before it was shown, however often it is', async () => {
    const world = clientAmongFakes()
    publish(world, DONE, 0)
    const screen = await watching({}, world)
    await screen.pass(2000)
    expect(screen.text()).toContain('Completed')
    await screen.render(null)
    await screen.render(screen.shoot())
    await screen.act(() => screen.broker.cut())
    await screen.pass(60_000)
    await screen.act(() => screen.broker.restart('epoch-2'))
    await screen.pass(60_000)
    expect(screen.client.getSnapshot().status).toBe('connected')
    expect(screen.told).toEqual([])
  })

  test('is told nothing of one that finished while it was off the screen', async () => {
    const screen = await watching()
    await screen.act(() => publish(screen, {}))
    await screen.render(null)
    await screen.pass(100)
    await screen.act(() => publish(screen, DONE))
    await screen.render(screen.shoot())
    await screen.pass(5000)
    expect(screen.told).toEqual([])
  })

  test('is told of each run of a shoot', async () => {
    const screen = await watching()
    for (const run of [0, 1]) {
      await screen.act(() => publish(screen, { ...DONE, run }))
      await screen.pass(200)
    }
    expect(screen.told).toEqual(['completed 0 false', 'completed 1 false'])
  })

  test('is told of the shoot that is shown now, and not of that before', async () => {
    const screen = await watching()
    await screen.act(() => publish(screen, {}))
    await screen.act(() => publish(screen, { shootId: 'done', ...DONE }))
    await screen.pass(200)
    await screen.render(screen.shoot({ shootId: 'done' }))
    await screen.act(() => publish(screen, DONE))
    await screen.pass(200)
    expect(screen.told).toEqual([])
  })
})

test('it takes other words', async () => {
  const screen = await showConnected(
    <ShootProgress shootId="s" locale="de" labels={{ completed: 'Fertig' }} />,
  )
  await screen.act(() => publish(screen, DONE))
  expect(screen.text()).toContain('Fertig')
  expect(screen.find('.kull-percent').textContent).toBe('100\u00a0%')
})
