import { Frame } from './Frame.tsx'

export interface ContactSheetProps {
  readonly seed: string
  readonly frames: number
}

/** Frames of a shoot as on a sheet of film. */
export function ContactSheet({ seed, frames }: ContactSheetProps) {
  return (
    <div className="sheet" aria-hidden="true">
      {Array.from({ length: frames }, (_, frame) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the index is what the frame is
        <div className="sheet-cell" key={frame}>
          <Frame shoot={seed} frame={frame} />
          <span>{frame + 1}</span>
        </div>
      ))}
    </div>
  )
}
