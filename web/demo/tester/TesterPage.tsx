import './tester.css'
import { useEffect, useState, useSyncExternalStore } from 'react'
import type { Person } from '../data/types.ts'
import { useResource } from '../data/useResource.ts'
import { Page } from '../ui/Page.tsx'
import { Problem } from '../ui/Problem.tsx'
import { Bench } from './bench.ts'
import { DevicePanel } from './device/DevicePanel.tsx'
import { LogPanel } from './log/LogPanel.tsx'
import { SendPanel } from './send/SendPanel.tsx'

const NOBODY: readonly Person[] = []

/** Connects as any device, shows what it is told, and sends what any caller can. Needs nobody to be signed in. */
export default function TesterPage() {
  const [bench] = useState(() => new Bench())
  const devices = useSyncExternalStore(bench.subscribe, bench.getSnapshot)
  const { data, error, loading, reload } = useResource<readonly Person[]>('/demo/api/users')
  const people = data ?? NOBODY
  useEffect(() => () => bench.close(), [bench])
  return (
    <Page title="Tester">
      <p className="lede">
        Connect as any device, send any message, break the link, and watch what comes of it.
      </p>
      {error && <Problem title="The demo does not answer" error={error} busy={loading} retry={reload} />}
      <div className="tester">
        <div className="tester-controls">
          {devices.map((device, index) => (
            <DevicePanel
              key={device.label}
              device={device}
              people={people}
              {...(index > 0 && { onRemove: () => bench.remove(device) })}
            />
          ))}
          {devices.length === 1 && (
            <button type="button" className="button" onClick={() => bench.add()}>
              Add a second device
            </button>
          )}
          <SendPanel devices={devices} people={people} note={bench.log.add} />
        </div>
        <LogPanel log={bench.log} />
      </div>
    </Page>
  )
}
