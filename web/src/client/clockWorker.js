// Timers for a page that may be hidden: browsers slow the timers of hidden pages down to one a minute, and those
// of workers not at all. A file of its own, because a worker from a blob: URL is refused by a strict CSP.

/** @type {Map<number, ReturnType<typeof setTimeout>>} */
const running = new Map()

addEventListener('message', ({ data: { id, ms } }) => {
  clearTimeout(running.get(id))
  running.delete(id)
  if (ms === null) return
  running.set(
    id,
    setTimeout(() => {
      running.delete(id)
      postMessage(id)
    }, ms),
  )
})
