/** What the tests of the components share: a screen in StrictMode, and hands to use it with. */
import { type ReactNode, StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { afterEach, beforeEach, expect, vi } from 'vitest'
import { clientAmongFakes } from '../client/testing.ts'
import { SyncProvider } from '../react/index.ts'

export type World = ReturnType<typeof clientAmongFakes>

const shown: (() => void)[] = []

/** React must find nothing to complain of, and every screen goes with its test. */
export function watchReact(): void {
  let complaints: ReturnType<typeof vi.spyOn>
  beforeEach(() => {
    complaints = vi.spyOn(console, 'error')
  })
  afterEach(() => {
    for (const remove of shown.splice(0)) remove()
    expect(complaints).not.toHaveBeenCalled()
    complaints.mockRestore()
  })
}

/** The element under test, on screen. */
export async function show(children: ReactNode, world: World = clientAmongFakes()) {
  const element = document.body.appendChild(document.createElement('div'))
  const root = createRoot(element)
  const { clock } = world
  const render = async (content: ReactNode) => {
    root.render(
      <StrictMode>
        <SyncProvider client={world.client}>{content}</SyncProvider>
      </StrictMode>,
    )
    await painted()
  }
  const unmount = () => {
    root.unmount()
    element.remove()
  }
  shown.push(unmount)
  await render(children)
  return {
    ...world,
    element,
    render,
    unmount,
    /** Lets time pass, and React follow. */
    pass: async (ms: number) => {
      // A step at a time: a tick that React has not rendered yet does not wait for the next.
      for (let left = ms; left > 0; left -= 1000) {
        await clock.advance(Math.min(left, 1000))
        await painted()
      }
      await clock.advance(0)
      await painted()
    },
    /** Does something, and lets React follow. */
    act: async (act: () => void) => {
      act()
      await clock.advance(0)
      await painted()
    },
    text: () => element.textContent ?? '',
    find: (selector: string) => find(element, selector),
    button: (name: string) => {
      const all = [...element.querySelectorAll('button')]
      const button = all.find((one) => (one.getAttribute('aria-label') ?? one.textContent) === name)
      if (!button) throw new Error(`No button ${name} among ${all.map((one) => one.textContent).join(', ')}`)
      return button
    },
  }
}

/** On screen, connected and in step. */
export async function showConnected(children: ReactNode, world?: World) {
  const screen = await show(children, world)
  await screen.pass(0)
  expect(screen.client.getSnapshot().status).toBe('connected')
  return screen
}

function find(element: HTMLElement, selector: string): HTMLElement {
  const found = element.querySelector<HTMLElement>(selector)
  if (!found) throw new Error(`Nothing is ${selector} in ${element.innerHTML}`)
  return found
}

/** React has rendered what it was going to, and its effects have run. */
async function painted(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setTimeout(resolve, 0))
}

export function point(target: Element, way: 'over' | 'out', pointerType = 'mouse'): void {
  target.dispatchEvent(
    new PointerEvent(`pointer${way}`, { bubbles: true, pointerType, relatedTarget: document.body }),
  )
}

export function press(key: string, target: Element = document.activeElement ?? document.body): void {
  target.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }))
}
