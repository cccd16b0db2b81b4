// @vitest-environment jsdom
import { expect, test } from 'vitest'
import { Toasts } from './Toasts.tsx'
import { point, show, watchReact } from './testing.tsx'
import { useToasts } from './useToasts.ts'

watchReact()

async function toasting() {
  let tell: ReturnType<typeof useToasts>['show'] = () => undefined
  function App() {
    const { toasts, show, dismiss } = useToasts()
    tell = show
    // A new function at each render, as apps write them.
    return <Toasts toasts={toasts} onDismiss={(key) => dismiss(key)} />
  }
  const screen = await show(<App />)
  return { ...screen, tell: (key: string, text = key) => screen.act(() => tell({ key, text })) }
}

test('the region that is read out is there before any toast, or the first would not be', async () => {
  const screen = await toasting()
  const region = screen.find('[role=status]')
  await screen.tell('a')
  expect(region.textContent).toBe('a')
})

test('a toast goes by itself, and one of the same key takes its place and time', async () => {
  const screen = await toasting()
  await screen.tell('a')
  await screen.tell('b')
  await screen.pass(3000)
  await screen.tell('a', 'a2')
  expect(screen.text()).toBe('ba2')
  await screen.pass(3000)
  expect(screen.text()).toBe('a2')
  await screen.pass(3000)
  expect(screen.text()).toBe('')
})

test('a toast stays while the pointer or the focus is on it', async () => {
  const screen = await toasting()
  await screen.tell('a')
  await screen.act(() => point(screen.button('Dismiss: a'), 'over'))
  await screen.pass(20_000)
  expect(screen.text()).toBe('a')
  await screen.act(() => screen.button('Dismiss: a').focus())
  await screen.act(() => point(screen.button('Dismiss: a'), 'out'))
  await screen.act(() => screen.button('Dismiss: a').blur())
  await screen.pass(6000)
  expect(screen.text()).toBe('')
})

test('a toast can be dismissed; the focus stays near, and the others go on', async () => {
  const screen = await toasting()
  await screen.tell('a')
  await screen.tell('b')
  await screen.act(() => screen.button('Dismiss: a').focus())
  await screen.act(() => screen.button('Dismiss: a').click())
  expect(screen.text()).toBe('b')
  expect(document.activeElement).toBe(screen.find('section'))
  await screen.pass(6000)
  expect(screen.text()).toBe('')
})
