import { useSyncExternalStore } from 'react'
import { storage } from '../data/storage.ts'

export const THEMES = ['system', 'light', 'dark'] as const
export type Theme = (typeof THEMES)[number]

const KEY = 'kull-demo:theme'
const listeners = new Set<() => void>()

function known(): Theme {
  const stored = storage.getItem(KEY)
  return THEMES.find((theme) => theme === stored) ?? 'system'
}

function show() {
  const theme = known()
  if (theme === 'system') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = theme
  for (const listener of listeners) listener()
}

/** Shows the theme that was chosen, here and when it is chosen in another tab. */
export function startTheme(): void {
  show()
  addEventListener('storage', ({ key }) => key === KEY && show())
}

export function chooseTheme(theme: Theme): void {
  storage.setItem(KEY, theme)
  show()
}

export function useTheme(): Theme {
  return useSyncExternalStore((listener) => {
    listeners.add(listener)
    return () => void listeners.delete(listener)
  }, known)
}
