const MINUTE = 60
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** How long ago `time` was, in words: `5 minutes ago`, `yesterday`. Null: less than a minute. Both in milliseconds. */
export function relativeTime(time: number, now: number, locale: string): string | null {
  const seconds = Math.max(0, (now - time) / 1000)
  if (seconds < MINUTE) return null
  const format = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' })
  if (seconds < HOUR) return format.format(-Math.floor(seconds / MINUTE), 'minute')
  if (seconds < DAY) return format.format(-Math.floor(seconds / HOUR), 'hour')
  return format.format(-Math.floor(seconds / DAY), 'day')
}
