import { Link, useParams } from 'react-router'
import type { Shoot } from '../data/types.ts'
import { useResource } from '../data/useResource.ts'
import { ShootView } from '../shoots/ShootView.tsx'
import { Loaded } from '../ui/Loaded.tsx'
import { Page } from '../ui/Page.tsx'
import { NotFoundPage } from './NotFoundPage.tsx'

export function ShootPage() {
  const { shootId = '' } = useParams()
  return <OneShoot key={shootId} shootId={shootId} />
}

function OneShoot({ shootId }: { readonly shootId: string }) {
  const shoot = useResource<Shoot>(`/demo/api/shoots/${encodeURIComponent(shootId)}`, 'shoots')
  if (shoot.error?.status === 404) return <NotFoundPage />
  return (
    <Page
      title={shoot.data?.title ?? 'Shoot'}
      before={
        <Link to="/shoots" className="back">
          <span aria-hidden="true">← </span>Shoots
        </Link>
      }
    >
      <Loaded resource={shoot} what="shoot">
        {(known) => <ShootView shoot={known} />}
      </Loaded>
    </Page>
  )
}
