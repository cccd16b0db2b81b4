import { ShootProgress } from '@kull/sync/components'
import { useShootProgress } from '@kull/sync/react'
import { useState } from 'react'
import { Link, useNavigate } from 'react-router'
import { useBackend } from '../data/backend.ts'
import type { Shoot } from '../data/types.ts'
import { useAction } from '../data/useAction.ts'
import { count } from '../ui/format.ts'
import { Problem } from '../ui/Problem.tsx'
import { ContactSheet } from './ContactSheet.tsx'
import { Simulation } from './Simulation.tsx'
import { isCulling, standingOf } from './standing.ts'

/** Frames that are drawn at most. */
const SHOWN = 48

/** A shoot: have it culled, and watch. Leads to the report when a cull is completed that was watched from here. */
export function ShootView({ shoot }: { readonly shoot: Shoot }) {
  const { shootId, imageCount } = shoot
  const { api, refresh } = useBackend()
  const navigate = useNavigate()
  const live = useShootProgress(shootId)
  const standing = standingOf(shoot, live)
  const [how, setHow] = useState({ seconds: 20, fail: false })
  const path = `/shoots/${encodeURIComponent(shootId)}`
  const cull = useAction(async () => {
    await api.post(`/demo/api${path}/cull`, how)
    refresh.tell('shoots')
  })
  const busy = cull.pending || isCulling(standing)
  const frames = Math.min(imageCount, SHOWN)

  return (
    <>
      {cull.error && (
        <Problem title="The shoot was not culled" error={cull.error}>
          {cull.error.status === 402 && (
            <Link to="/credits" className="button">
              Buy credits
            </Link>
          )}
        </Problem>
      )}
      <div className="shoot">
        <section className="panel" aria-label="Culling">
          {/* Always there, so that it sees the end of a run that begins later. */}
          <div hidden={live === null && !isCulling(standing)}>
            <ShootProgress
              shootId={shootId}
              name="Culling"
              onRetry={() => cull.run()}
              onFinished={({ status }) => {
                // In place of this page: going back leads to where one came from, not here and on again.
                if (status === 'completed') navigate(`${path}/report`, { replace: true })
                else refresh.tell('shoots')
              }}
            />
          </div>
          {live === null && standing.status === 'failed' && (
            <p className="status" data-status="failed">
              The last cull failed. {standing.error}
            </p>
          )}
          <div className="panel-actions">
            {/* The progress of a failed cull has a button of its own for another try. */}
            {(live === null || standing.status !== 'failed') && (
              <button
                type="button"
                className="button button-primary"
                aria-disabled={busy}
                onClick={busy ? undefined : () => cull.run()}
              >
                {busy ? 'Culling …' : standing.status === 'new' ? 'Cull' : 'Cull again'}
              </button>
            )}
            {standing.status === 'completed' && (
              <Link to={`${path}/report`} className="button">
                See the report
              </Link>
            )}
          </div>
          <p className="quiet">
            {count(imageCount, 'image')}, a credit each. What a failed cull did not use is given back.
          </p>
          <Simulation how={how} onChange={setHow} />
        </section>
        <section aria-label="Images">
          <ContactSheet
            shootId={shootId}
            frames={frames}
            done={standing.status === 'new' ? 0 : Math.floor(standing.done * frames)}
          />
          {imageCount > SHOWN && (
            <p className="quiet">
              {SHOWN} of {count(imageCount, 'image')}
            </p>
          )}
        </section>
      </div>
    </>
  )
}
