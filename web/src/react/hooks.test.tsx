// @vitest-environment jsdom
import { StrictMode, useState, version } from 'react'
import { createRoot } from 'react-dom/client'
import { renderToString } from 'react-dom/server'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { clientAmongFakes, DEVICE, message, progress, topics } from '../client/testing.ts'
import {
  SyncProvider,
  useDevices,
  useResync,
  useShootProgress,
  useSync,
  useSyncEvent,
  useSyncStatus,
  useWebSocket,
} from './index.ts'

const json = JSON.stringify

/** The element under test, on screen, in StrictMode. */
function show(world: ReturnType<typeof clientAmongFakes>, children: React.ReactNode) {
  const element = document.createElement('div')
  const root = createRoot(element)
  const render = (content: React.ReactNode) =>
    root.render(
      <StrictMode>
        <SyncProvider client={world.client}>{content}</SyncProvider>
      </StrictMode>,
    )
  render(children)
  roots.push(root)
  return {
    render,
    unmount: () => root.unmount(),
    reads: (text: string) => vi.waitFor(() => expect(element.textContent).toBe(text)),
  }
}

let roots: ReturnType<typeof createRoot>[] = []
let complaints: ReturnType<typeof vi.spyOn>

beforeEach(() => {
  complaints = vi.spyOn(console, 'error')
})
afterEach(() => {
  for (const root of roots) root.unmount()
  roots = []
  expect(complaints).not.toHaveBeenCalled()
  complaints.mockRestore()
})

function Status() {
  return <>{useSyncStatus().status}</>
}

test('StrictMode connects once, and leaving the screen does not disconnect', async () => {
  const world = clientAmongFakes()
  const { reads, unmount } = show(world, <Status />)
  await reads('connected')
  unmount()
  await world.clock.advance(1000)

  expect(world.asked).toHaveLength(1)
  expect(world.broker.connects).toHaveLength(1)
  expect(world.broker.connections).toBe(1)
})

test('progress is shown for the shoot that is asked for, whichever that is now', async () => {
  function Progress({ shootId }: { shootId: string }) {
    return <>{useShootProgress(shootId)?.processedCount ?? 'unknown'}</>
  }
  const world = clientAmongFakes()
  const { reads, render } = show(world, <Progress shootId="s" />)
  await reads('unknown')
  await world.clock.advance(0)
  world.broker.publish(topics.shoot('s'), json(progress(1, { processedCount: 4 })))
  await reads('4')
  render(<Progress shootId="other" />)
  await reads('unknown')
})

test('a thousand progress events in a second are about ten renders, and the last one is right', async () => {
  let renders = 0
  function Progress() {
    renders += 1
    return <>{useShootProgress('s')?.processedCount}</>
  }
  const world = clientAmongFakes()
  const { reads } = show(world, <Progress />)
  await vi.waitFor(() => expect(world.asked).toHaveLength(1))
  await world.clock.advance(0)
  const before = renders
  for (let n = 1; n <= 1000; n++) {
    world.broker.publish(topics.shoot('s'), json(progress(n, { processedCount: n, totalCount: 1000 })))
    await world.clock.advance(1)
  }
  await world.clock.advance(100)
  await reads('1000')

  // StrictMode renders everything twice.
  expect((renders - before) / 2).toBeLessThanOrEqual(12)
  expect((renders - before) / 2).toBeGreaterThan(5)
})

test('devices are listed, this one among them', async () => {
  function Devices() {
    return <>{useDevices().map(({ deviceId, online }) => `${deviceId}:${online} `)}</>
  }
  const world = clientAmongFakes()
  const { reads } = show(world, <Devices />)
  await vi.waitFor(() => expect(world.asked).toHaveLength(1))
  await world.clock.advance(200)
  const mac = { deviceId: 'mac', name: 'Mac', platform: 'mac', session: 1, epoch: 'e' } as const
  world.broker.publish(topics.device('mac'), json(message('DEVICE_CONNECTED', mac)))
  await world.clock.advance(200)
  await reads(`mac:true ${DEVICE}:true `)
})

test('an event reaches the newest handler, once, and none while it is disabled or off screen', async () => {
  const told: string[] = []
  function Listener({ name, enabled }: { name: string; enabled: boolean }) {
    useSyncEvent('PROMPT_CHANGE', ({ data }) => told.push(`${name} ${data.title}`), { enabled })
    return <>{`${name} ${enabled}`}</>
  }
  const world = clientAmongFakes()
  const { reads, render, unmount } = show(world, <Listener name="first" enabled />)
  await reads('first true')
  await world.clock.advance(0)
  const publish = (title: string) =>
    world.broker.publish(topics.prompts, json(message('PROMPT_CHANGE', { action: 'updated', title })))
  await vi.waitFor(() => expect(world.client.getSnapshot().status).toBe('connected'))
  publish('a')
  render(<Listener name="second" enabled />)
  await reads('second true')
  publish('b')
  render(<Listener name="second" enabled={false} />)
  await reads('second false')
  publish('c')
  unmount()
  publish('d')

  expect(told).toEqual(['first a', 'second b'])
})

test('a resync is told', async () => {
  function Refetch() {
    const [causes, setCauses] = useState<readonly string[]>([])
    useResync(({ cause }) => setCauses((known) => [...known, cause]))
    return <>{causes.join(' ')}</>
  }
  const world = clientAmongFakes()
  const { reads } = show(world, <Refetch />)
  await vi.waitFor(() => expect(world.asked).toHaveLength(1))
  await world.clock.advance(0)
  await reads('no-session')
})

test('the old name tells whether there is a connection', async () => {
  function Old() {
    const { isConnected, state, client } = useWebSocket()
    return <>{`${isConnected} ${state.status} ${client === useSync()}`}</>
  }
  const world = clientAmongFakes()
  const { reads } = show(world, <Old />)
  await reads('true connected true')
  world.broker.reachable = false
  world.broker.cut()
  await reads('false reconnecting true')
})

test('a server renders the same as a page that has just begun, and connects to nothing', () => {
  function Page() {
    return (
      <>
        {useSyncStatus().status} {useShootProgress('s') === null ? 'none' : 'some'} {useDevices().length}
      </>
    )
  }
  const world = clientAmongFakes()
  const html = renderToString(
    <SyncProvider client={world.client}>
      <Page />
    </SyncProvider>,
  )

  expect(html.replaceAll('<!-- -->', '')).toBe('disconnected none 0')
  expect(world.asked).toEqual([])
})

test('without a provider the hooks say what is missing', () => {
  expect(() => renderToString(<Status />)).toThrow('No SyncClient set, use SyncProvider to set one')
})

test('this runs with the React that its name says', ({ task }) => {
  expect(version).toMatch(task.file.projectName === 'unit-react18' ? /^18\.2\./ : /^19\./)
})
