import { Frame } from './Frame.tsx'

export interface ContactSheetProps {
  /** Or a shoot for each frame. */
  readonly shootId: string | ((frame: number) => string)
  readonly frames: number
  /** How many of them are done. Default: all. */
  readonly done?: number
}

/** Frames of a shoot as on a sheet of film; those that are still to do lie in the dark. */
export function ContactSheet({ shootId, frames, done = frames }: ContactSheetProps) {
  return (
    <div className="sheet" aria-hidden="true">
      {Array.from({ length: frames }, (_, frame) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the index is what the frame is
        <div className="sheet-cell" key={frame} data-waiting={frame < done ? undefined : ''}>
          <Frame shoot={typeof shootId === 'string' ? shootId : shootId(frame)} frame={frame} />
          <span>{frame + 1}</span>
        </div>
      ))}
    </div>
  )
}
