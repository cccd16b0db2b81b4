import { useDeferredValue, useId, useMemo, useState, useSyncExternalStore } from 'react'
import { number } from '../../ui/format.ts'
import type { EntryType } from './entry.ts'
import { asDocument, download, fileName } from './file.ts'
import { matching } from './filter.ts'
import { LogList } from './LogList.tsx'
import type { Log } from './log.ts'
import { TypeChoice } from './TypeChoice.tsx'

/** What happened, live, and what can be done with it. */
export function LogPanel({ log }: { readonly log: Log }) {
  const id = useId()
  const { entries, dropped, paused, waiting } = useSyncExternalStore(log.subscribe, log.getSnapshot)
  const [text, setText] = useState('')
  const [hidden, setHidden] = useState<ReadonlySet<EntryType>>(new Set())
  const [newestFirst, setNewestFirst] = useState(true)
  const wanted = useDeferredValue(text)
  const shown = useMemo(() => matching(entries, { text: wanted, hidden }), [entries, wanted, hidden])
  const save = () => {
    const now = Date.now()
    download(fileName(now), asDocument(shown, dropped, now))
  }
  return (
    <section className="panel tester-panel tester-log" aria-labelledby={id}>
      <div className="tester-head">
        <h2 id={id}>Log</h2>
        <p className="quiet">
          {shown.length < entries.length && `${number(shown.length)} of `}
          {entries.length === 1 ? '1 entry' : `${number(entries.length)} entries`}
          {dropped > 0 && `, ${number(dropped)} older dropped`}
        </p>
      </div>
      <div className="tester-tools">
        <label className="field tester-search">
          <span className="hidden">Filter</span>
          <input
            className="input"
            type="search"
            placeholder="Filter by text"
            value={text}
            onChange={({ target }) => setText(target.value)}
          />
        </label>
        <button type="button" className="button" onClick={() => (paused ? log.resume() : log.pause())}>
          {paused ? `Resume${waiting > 0 ? ` (${number(waiting)} waiting)` : ''}` : 'Pause'}
        </button>
        <button type="button" className="button" onClick={() => log.clear()}>
          Clear
        </button>
        <button type="button" className="button" onClick={save}>
          Export
        </button>
      </div>
      <div className="tester-tools">
        <TypeChoice hidden={hidden} onChange={setHidden} />
        <label className="check quiet">
          <input
            type="checkbox"
            checked={newestFirst}
            onChange={({ target }) => setNewestFirst(target.checked)}
          />
          Newest first
        </label>
      </div>
      {shown.length > 0 ? (
        <LogList entries={shown} newestFirst={newestFirst} labelledBy={id} />
      ) : (
        <p className="quiet tester-nothing">
          {entries.length === 0 ? 'Nothing yet. Connect a device.' : 'Nothing passes the filter.'}
        </p>
      )}
    </section>
  )
}
