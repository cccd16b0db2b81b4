import { useShootProgress } from '@kull/sync/react'
import { Link } from 'react-router'
import type { Shoot, ShootStatus } from '../data/types.ts'
import { count, percent } from '../ui/format.ts'
import { Frame } from './Frame.tsx'
import { isCulling, standingOf } from './standing.ts'

const STATUS: Record<ShootStatus, string> = {
  new: 'Not culled yet',
  queued: 'Queued',
  processing: 'Culling',
  completed: 'Culled',
  failed: 'Failed',
}

/** A shoot in the list, live. */
export function ShootCard({ shoot }: { readonly shoot: Shoot }) {
  const { shootId, title, imageCount } = shoot
  const standing = standingOf(shoot, useShootProgress(shootId))
  return (
    <li className="card" data-status={standing.status}>
      <div className="card-strip">
        {[0, 1, 2, 3].map((frame) => (
          <Frame key={frame} shoot={shootId} frame={frame} />
        ))}
      </div>
      <div className="card-text">
        <h2>
          <Link to={`/shoots/${encodeURIComponent(shootId)}`}>{title}</Link>
        </h2>
        <p className="card-facts">
          <span>{count(imageCount, 'image')}</span>
          <span className="status" data-status={standing.status}>
            {STATUS[standing.status]}
            {standing.status === 'processing' && ` ${percent(standing.done)}`}
          </span>
        </p>
        {isCulling(standing) && (
          <progress className="thin" aria-label={`Culling ${title}`} value={standing.done} max={1} />
        )}
      </div>
    </li>
  )
}
