export interface How {
  readonly seconds: number
  readonly fail: boolean
}

export interface SimulationProps {
  readonly how: How
  readonly onChange: (how: How) => void
}

/** How the simulated worker is to go about it. */
export function Simulation({ how, onChange }: SimulationProps) {
  return (
    <details className="simulation">
      <summary>Simulated worker</summary>
      <div className="simulation-form">
        <label className="field">
          Takes
          <select
            className="input"
            value={how.seconds}
            onChange={({ target }) => onChange({ ...how, seconds: Number(target.value) })}
          >
            <option value={5}>5 seconds</option>
            <option value={20}>20 seconds</option>
            <option value={120}>2 minutes</option>
          </select>
        </label>
        <label className="check">
          <input
            type="checkbox"
            checked={how.fail}
            onChange={({ target }) => onChange({ ...how, fail: target.checked })}
          />
          Fails on the way
        </label>
      </div>
    </details>
  )
}
