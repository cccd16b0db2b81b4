import { DeviceList } from '@kull/sync/components'
import { useBackend } from '../data/backend.ts'
import { signOut } from '../session/current.ts'
import { Page } from '../ui/Page.tsx'

export function DevicesPage() {
  const { api } = useBackend()
  return (
    <Page title="Devices">
      <p className="lede">Where you are signed in. Open this app in another browser, and it appears here.</p>
      <DeviceList
        className="panel"
        labels={{ heading: 'Signed in' }}
        onSignOut={({ deviceId, self }) =>
          self ? signOut() : api.delete(`/api/sync/devices/${encodeURIComponent(deviceId)}`)
        }
      />
    </Page>
  )
}
