/** Numbers from 0 up to 1, the same ones for the same seed (FNV-1a, then mulberry32). */
export function randomOf(seed: string): () => number {
  let state = 2166136261
  for (const character of seed) state = Math.imul(state ^ character.charCodeAt(0), 16777619)
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

export const KINDS = ['hills', 'sea', 'portrait', 'city'] as const

const SKINS = ['#f0d3bb', '#deb394', '#bd8762', '#8f5c3e', '#643d29'] as const

export interface Scene {
  readonly kind: (typeof KINDS)[number]
  readonly sky: string
  readonly far: string
  readonly near: string
  /** Of the sun and of windows. */
  readonly light: string
  readonly skin: string
  /** Where the main thing stands, from 0 to 60. */
  readonly x: number
  /** How high it is, from 0 up to 1. */
  readonly height: number
}

/** A picture that stands for a photograph. Those of one shoot have its light and mostly its subject. */
export function sceneOf(shoot: string, frame: number): Scene {
  const ofShoot = randomOf(shoot)
  const ofFrame = randomOf(`${shoot}/${frame}`)
  const hue = ofShoot() * 360
  const subject = Math.floor(ofShoot() * KINDS.length)
  const other = Math.floor(ofFrame() * KINDS.length)
  const drift = (ofFrame() - 0.5) * 36
  const day = ofFrame()
  const colour = (turn: number, saturation: number, lightness: number) =>
    `hsl(${Math.round(hue + turn + drift)} ${saturation}% ${Math.round(lightness)}%)`
  return {
    kind: KINDS[ofFrame() < 0.7 ? subject : other] ?? 'hills',
    sky: colour(0, 32, 62 + day * 18),
    far: colour(24, 26, 42 + day * 12),
    near: colour(48, 30, 20 + day * 10),
    light: `hsl(${Math.round(38 + drift / 4)} 85% 88%)`,
    skin: SKINS[Math.floor(ofFrame() * SKINS.length)] ?? '',
    x: 12 + ofFrame() * 36,
    height: ofFrame(),
  }
}
