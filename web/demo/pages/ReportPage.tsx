import { useId } from 'react'
import { Link, useParams } from 'react-router'
import type { Report } from '../data/types.ts'
import { useResource } from '../data/useResource.ts'
import { ContactSheet } from '../shoots/ContactSheet.tsx'
import { Split } from '../shoots/Split.tsx'
import { count, number, span } from '../ui/format.ts'
import { Loaded } from '../ui/Loaded.tsx'
import { Page } from '../ui/Page.tsx'
import { NotFoundPage } from './NotFoundPage.tsx'

/** Frames that are drawn of those that were kept. */
const SHOWN = 12

export function ReportPage() {
  const { shootId = '' } = useParams()
  return <OneReport key={shootId} shootId={shootId} />
}

function OneReport({ shootId }: { readonly shootId: string }) {
  const heading = useId()
  const path = `/shoots/${encodeURIComponent(shootId)}`
  const report = useResource<Report>(`/demo/api${path}/report`, 'shoots')
  if (report.error?.status === 404) return <NotFoundPage />
  if (report.error?.status === 409)
    return (
      <div className="plain">
        <Page title="No report yet">
          <p className="lede">This shoot has to be culled first.</p>
          <Link to={path} className="button button-primary">
            To the shoot
          </Link>
        </Page>
      </div>
    )
  return (
    <Page
      title={report.data ? `Report: ${report.data.title}` : 'Report'}
      before={
        <Link to="/shoots" className="back">
          <span aria-hidden="true">← </span>Shoots
        </Link>
      }
      actions={
        <Link to={path} className="button">
          To the shoot
        </Link>
      }
    >
      <Loaded resource={report} what="report">
        {({ kept, rejected, duplicates, imageCount, seconds, credits }) => (
          <>
            <p className="lede">
              {number(kept)} of {count(imageCount, 'image')} are worth a second look. The cull took{' '}
              {span(seconds)} and {count(credits, 'credit')}.
            </p>
            <Split kept={kept} duplicates={duplicates} rejected={rejected} />
            <section aria-labelledby={heading}>
              <h2 id={heading} className="section-head">
                First picks
              </h2>
              <ContactSheet shootId={shootId} frames={Math.min(kept, SHOWN)} />
            </section>
          </>
        )}
      </Loaded>
    </Page>
  )
}
