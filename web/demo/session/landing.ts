/** Where to go after signing in: where one wanted to, if that is a page of this app, else to the first page. */
export function landing(state: unknown): string {
  const from = typeof state === 'object' && state !== null && 'from' in state ? state.from : null
  return typeof from === 'string' && /^\/(?!\/)/.test(from) ? from : '/shoots'
}
