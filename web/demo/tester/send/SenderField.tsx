import type { Sender } from './senders.ts'

export interface SenderFieldProps {
  readonly senders: readonly Sender[]
  readonly sender: Sender | undefined
  readonly onChange: (key: string) => void
}

export function SenderField({ senders, sender, onChange }: SenderFieldProps) {
  return (
    <label className="field">
      As
      <select className="input" value={sender?.key ?? ''} onChange={({ target }) => onChange(target.value)}>
        {senders.map(({ key, name }) => (
          <option key={key} value={key}>
            {name}
          </option>
        ))}
      </select>
    </label>
  )
}
