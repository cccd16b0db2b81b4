import type { Shoot } from '../data/types.ts'
import { useResource } from '../data/useResource.ts'
import { ShootCard } from '../shoots/ShootCard.tsx'
import { Empty } from '../ui/Empty.tsx'
import { Loaded } from '../ui/Loaded.tsx'
import { Page } from '../ui/Page.tsx'

export function ShootsPage() {
  const shoots = useResource<readonly Shoot[]>('/demo/api/shoots', 'shoots')
  return (
    <Page title="Shoots">
      <Loaded resource={shoots} what="shoots">
        {(known) =>
          known.length === 0 ? (
            <Empty title="No shoots yet">
              <p>What you import on any of your devices appears here.</p>
            </Empty>
          ) : (
            <ul className="cards">
              {known.map((shoot) => (
                <ShootCard key={shoot.shootId} shoot={shoot} />
              ))}
            </ul>
          )
        }
      </Loaded>
    </Page>
  )
}
