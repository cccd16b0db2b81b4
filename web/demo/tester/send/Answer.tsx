import type { Outcome } from './post.ts'

/** What became of a message. Read out when it is there. */
export function Answer({ outcome }: { readonly outcome: Outcome | 'pending' | null }) {
  return (
    <div role="status">
      {outcome === 'pending' && <p className="quiet">Waiting for the answer …</p>}
      {outcome !== null && outcome !== 'pending' && <Settled outcome={outcome} />}
    </div>
  )
}

function Settled({ outcome: { ok, title, ms, facts, faults } }: { readonly outcome: Outcome }) {
  return (
    <div className="tester-answer" data-ok={ok}>
      <p className="notice-title">
        {title}
        {ms > 0 && <span className="quiet"> {ms} ms</span>}
      </p>
      {Object.keys(facts).length > 0 && (
        <dl>
          {Object.entries(facts).map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      )}
      {faults.length > 0 && (
        <ul>
          {faults.map(({ field, detail }) => (
            <li key={`${field} ${detail}`}>
              {field !== '' && <code>{field}</code>} {detail}
            </li>
          ))}
        </ul>
      )}
    </div>
  )
}
