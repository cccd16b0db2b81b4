/** A component's own class, and the one that the app gives it besides. */
export function classes(own: string, given: string | undefined): string {
  return given === undefined ? own : `${own} ${given}`
}
