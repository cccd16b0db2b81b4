import { chooseTheme, THEMES, useTheme } from './theme.ts'

const LABELS = { system: 'Auto', light: 'Light', dark: 'Dark' } as const

export function ThemeChoice() {
  const chosen = useTheme()
  return (
    <fieldset className="choice">
      <legend className="hidden">Appearance</legend>
      {THEMES.map((theme) => (
        <label key={theme}>
          <input
            type="radio"
            name="theme"
            value={theme}
            checked={theme === chosen}
            onChange={() => chooseTheme(theme)}
          />
          <span>{LABELS[theme]}</span>
        </label>
      ))}
    </fieldset>
  )
}
