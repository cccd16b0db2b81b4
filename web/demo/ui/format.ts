const NUMBER = new Intl.NumberFormat('en-GB')

/** `1,240` */
export const number = (value: number): string => NUMBER.format(value)

/** A quantity of things, e.g. `1 image`, `1,240 images`. */
export const count = (value: number, one: string): string =>
  `${number(value)} ${one}${value === 1 ? '' : 's'}`

/** A span of time, e.g. `38 s`, `3 min 31 s`. */
export function span(seconds: number): string {
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  const rest = whole % 60
  return `${Math.floor(whole / 60)} min${rest === 0 ? '' : ` ${rest} s`}`
}

/** `42 %`. All is said only of all. */
export const percent = (part: number): string => `${Math.floor(part * 100)} %`
