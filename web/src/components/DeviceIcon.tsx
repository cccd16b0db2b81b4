import type { Platform } from '../client/index.ts'

/** Outlines on a grid of 24. */
const SHAPES: Readonly<Record<Platform | 'unknown', string>> = {
  iphone: 'M8 2h8a2 2 0 0 1 2 2v16a2 2 0 0 1-2 2H8a2 2 0 0 1-2-2V4a2 2 0 0 1 2-2zM10.5 5h3',
  ipad: 'M5 2h14a2 2 0 0 1 2 2v16a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2V4a2 2 0 0 1 2-2zM10 19h4',
  mac: 'M5 5h14a1 1 0 0 1 1 1v10H4V6a1 1 0 0 1 1-1zM2 16h20v1a2 2 0 0 1-2 2H4a2 2 0 0 1-2-2z',
  web: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM3 12h18M12 3c5 5 5 13 0 18M12 3c-5 5-5 13 0 18',
  windows: 'M3 4h18v12H3zM8 20h8M12 16v4M12 4v12M3 10h18',
  android: 'M7 3h10a2 2 0 0 1 2 2v14a2 2 0 0 1-2 2H7a2 2 0 0 1-2-2V5a2 2 0 0 1 2-2zM12 5.5v.01M9 18h6',
  worker: 'M4 3h16v7H4zM4 14h16v7H4zM8 6.5v.01M8 17.5v.01M12 6.5h4M12 17.5h4',
  unknown: 'M3 4h18v12H3zM8 20h8M12 16v4',
}

/** A picture of the kind of device. The kind is told in words beside it. */
export function DeviceIcon({ platform }: { readonly platform: Platform | null }) {
  return (
    <svg
      className="kull-device-icon"
      data-platform={platform ?? 'unknown'}
      viewBox="0 0 24 24"
      width="24"
      height="24"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.75"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      <path d={SHAPES[platform ?? 'unknown']} />
    </svg>
  )
}
