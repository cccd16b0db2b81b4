import { type ComponentPropsWithoutRef, useId } from 'react'
import type { ShootState } from '../client/index.ts'
import { useShootProgress } from '../react/index.ts'
import { classes } from './classes.ts'
import { SHOOT_PROGRESS_LABELS, type ShootProgressLabels } from './labels.ts'
import { useAction } from './useAction.ts'
import { type OnFinished, useFinished } from './useFinished.ts'
import { useNow } from './useNow.ts'
import { useSettled } from './useSettled.ts'
import { useShownState } from './useShownState.ts'

export interface ShootProgressProps extends Omit<ComponentPropsWithoutRef<'div'>, 'children'> {
  readonly shootId: string
  /** What people call the shoot. Default: its id. */
  readonly name?: string
  /**
   * Called once for each run that finishes, completed or failed (see `state.status`), after this shoot was first shown
   * here. `replayed`: it happened while this tab slept or was off line. Not called for a run that had finished
   * before, however often it is shown again or the connection is made anew.
   */
  readonly onFinished?: OnFinished
  /** Starts a failed shoot again. A rejection is shown. Without it there is no button. */
  readonly onRetry?: (state: ShootState) => unknown
  readonly labels?: Partial<ShootProgressLabels>
  /** BCP 47 tag for the percentage. Default: `en`, as are the labels. */
  readonly locale?: string
}

/** How far a shoot is. `data-state` on the root: its status, or `loading`, or `unknown`; `data-stale` off line. */
export function ShootProgress(all: ShootProgressProps) {
  const { shootId, name = shootId, onFinished, onRetry, labels, locale = 'en', className, ...props } = all
  const progress = useShootProgress(shootId)
  const { shown } = useShownState()
  const settled = useSettled()
  const title = useId()
  const words = { ...SHOOT_PROGRESS_LABELS, ...labels }
  useFinished(shootId, progress, onFinished)
  const stale = progress !== null && shown !== 'connected'
  const state = progress?.status ?? (settled ? 'unknown' : 'loading')
  return (
    <div
      {...props}
      className={classes('kull-shoot', className)}
      data-state={state}
      data-stale={stale ? '' : undefined}
    >
      <div className="kull-shoot-head">
        <span id={title} className="kull-shoot-name">
          {name}
        </span>
        <span role="status" className="kull-badge" data-kind={state}>
          {words[state]}
        </span>
      </div>
      <Bar progress={progress} state={state} titleId={title} labels={words} locale={locale} />
      {progress && <Facts progress={progress} labels={words} />}
      {stale && <p className="kull-stale">{words.stale}</p>}
      {progress?.status === 'failed' && <Failure progress={progress} onRetry={onRetry} labels={words} />}
    </div>
  )
}

interface PartProps {
  readonly labels: ShootProgressLabels
}

interface BarProps extends PartProps {
  readonly progress: ShootState | null
  readonly state: ShootState['status'] | 'loading' | 'unknown'
  readonly titleId: string
  readonly locale: string
}

function Bar({ progress, state, titleId, labels, locale }: BarProps) {
  const percent = progress && percentOf(progress)
  const text = percent === null ? null : formatPercent(percent, locale)
  return (
    <div className="kull-bar">
      <div
        role="progressbar"
        aria-labelledby={titleId}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={percent ?? undefined}
        aria-valuetext={
          progress && text
            ? `${text}, ${labels.images(progress.processedCount, progress.totalCount)}`
            : labels[state]
        }
        data-indeterminate={percent === null && state !== 'unknown' ? '' : undefined}
      >
        {/* An attribute of SVG, not of style: allowed by a strict CSP, also in what a server renders. */}
        <svg width="100%" height="100%" aria-hidden="true">
          <rect width={`${percent ?? 0}%`} height="100%" />
        </svg>
      </div>
      <span className="kull-percent" aria-hidden="true">
        {text}
      </span>
    </div>
  )
}

function Facts({ progress, labels }: PartProps & { readonly progress: ShootState }) {
  const { status, processedCount, totalCount, currentImage, provider } = progress
  return (
    <p className="kull-facts">
      <span>{labels.images(processedCount, totalCount)}</span>
      {status === 'processing' && <Remaining progress={progress} labels={labels} />}
      {provider !== undefined && <span>{provider}</span>}
      {status === 'processing' && currentImage !== undefined && (
        <span className="kull-current">{labels.currentImage(currentImage)}</span>
      )}
    </p>
  )
}

/** The time that is left, going down between two messages. */
function Remaining({ progress, labels }: PartProps & { readonly progress: ShootState }) {
  const { eta, asOf } = progress
  const now = useNow(eta === undefined ? null : 1000)
  if (eta === undefined || now === null) return null
  const passed = Math.max(0, now - asOf) / 1000
  return (
    <span className="kull-eta" role="timer">
      {labels.remaining(Math.max(0, Math.ceil(eta - passed)))}
    </span>
  )
}

interface FailureProps extends PartProps {
  readonly progress: ShootState
  readonly onRetry: ((state: ShootState) => unknown) | undefined
}

function Failure({ progress, onRetry, labels }: FailureProps) {
  const { pending, failure, start } = useAction()
  return (
    <div className="kull-failure">
      <p className="kull-error">{progress.error ?? labels.noReason}</p>
      {onRetry && (
        <button
          type="button"
          className="kull-button"
          aria-disabled={pending}
          onClick={() => start(() => onRetry(progress))}
        >
          {labels.retry}
        </button>
      )}
      {failure && (
        <p role="alert" className="kull-error">
          {labels.retryFailed(failure.error)}
        </p>
      )}
    </div>
  )
}

/** Whole percent; 100 only when it is done. Null: it cannot be said. */
function percentOf({ status, processedCount, totalCount }: ShootState): number | null {
  if (status === 'completed') return 100
  if (status === 'queued' && processedCount === 0) return null
  // One that failed before it knew how much there was is not on its way any more.
  if (totalCount === 0) return status === 'failed' ? 0 : null
  return Math.min(99, Math.floor((100 * processedCount) / totalCount))
}

function formatPercent(percent: number, locale: string): string {
  return new Intl.NumberFormat(locale, { style: 'percent' }).format(percent / 100)
}
