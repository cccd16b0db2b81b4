import { memo } from 'react'
import { type Scene, sceneOf } from './scene.ts'

export interface FrameProps {
  readonly shoot: string
  readonly frame: number
}

/** One photograph of a shoot. Decoration: what it stands for is said in words elsewhere. */
export const Frame = memo(function Frame({ shoot, frame }: FrameProps) {
  const scene = sceneOf(shoot, frame)
  const Subject = SUBJECTS[scene.kind]
  return (
    <svg className="frame" viewBox="0 0 60 40" preserveAspectRatio="xMidYMid slice" aria-hidden="true">
      <rect width="60" height="40" fill={scene.sky} />
      <Subject {...scene} />
    </svg>
  )
})

const SUBJECTS: Record<Scene['kind'], (scene: Scene) => React.ReactNode> = {
  hills: ({ x, height, light, far, near }) => (
    <>
      <circle cx={60 - x} cy={8 + height * 10} r={3 + height * 2} fill={light} />
      <path d={`M0 30 L${x - 8} ${14 + height * 8} L${x + 8} 27 L${x + 20} 18 L60 31 V40 H0Z`} fill={far} />
      <path d={`M0 ${33 - height * 4} Q${x} ${24 + height * 6} 60 36 V40 H0Z`} fill={near} />
    </>
  ),
  sea: ({ x, height, light, far, near }) => (
    <>
      <circle cx={x} cy={19 - height * 6} r="6" fill={light} />
      <rect y="21" width="60" height="19" fill={far} />
      <path d={`M${x - 5} 24 h10 M${x - 3} 28 h7 M${x - 4} 32 h5`} stroke={light} strokeWidth="0.9" />
      <path d={`M${60 - x} ${12 + height * 4} v16 h-9 Z`} fill={near} />
      <path d={`M${48 - x} 29 h15 l-3 3 h-9 Z`} fill={near} />
    </>
  ),
  portrait: ({ x, height, skin, far, near }) => (
    <>
      <rect x={x + 14} width="30" height="40" fill={far} opacity="0.5" />
      <path d={`M${x - 13} 40 q1 -14 13 -14 t13 14 Z`} fill={near} />
      <rect x={x - 2.5} y="20" width="5" height="8" fill={skin} />
      <ellipse cx={x} cy={16 - height} rx="6" ry="7.5" fill={skin} />
      <path d={`M${x - 7} ${17 - height} q-1 -12 7 -12 t7 12 q-2 -6 -7 -7 t-7 7Z`} fill={near} />
    </>
  ),
  city: ({ x, height, light, far, near }) => (
    <>
      <path d={`M0 22 h8 v-8 h9 v12 h6 v-${8 + height * 8} h10 v10 h9 v-6 h8 v9 h10 V40 H0Z`} fill={far} />
      <path d={`M0 34 H60 V40 H0Z M${x - 6} 34 v-${14 + height * 8} h12 v${14 + height * 8}Z`} fill={near} />
      <path d={`M${x - 3} 24 v6 M${x} 24 v6 M${x + 3} 24 v6`} stroke={light} strokeWidth="1" />
    </>
  ),
}
