import { useId } from 'react'
import type { Person } from '../../data/types.ts'
import { DEVICE_ID_PATTERN, PLATFORMS, USER_ID_PATTERN } from './choice.ts'
import type { TestDevice } from './testDevice.ts'

export interface DeviceFieldsProps {
  readonly device: TestDevice
  readonly people: readonly Person[]
  readonly hidden: boolean
}

/** Who connects, and as what. */
export function DeviceFields({ device, people, hidden }: DeviceFieldsProps) {
  const id = useId()
  const { label, platform: usual } = device
  return (
    <fieldset className="tester-fields" hidden={hidden}>
      <legend className="hidden">{label}</legend>
      <label className="field">
        User
        <input
          className="input"
          name="userId"
          list={`${id}people`}
          defaultValue="ada"
          required
          pattern={USER_ID_PATTERN}
          title="1 to 128 characters, without space, / + # $"
          autoComplete="off"
          spellCheck={false}
        />
        <datalist id={`${id}people`}>
          {people.map(({ userId, name }) => (
            <option key={userId} value={userId} label={name} />
          ))}
        </datalist>
      </label>
      <label className="field">
        Platform
        <select className="input" name="platform" defaultValue={usual}>
          {PLATFORMS.map((platform) => (
            <option key={platform}>{platform}</option>
          ))}
        </select>
      </label>
      <label className="field">
        Name
        <input className="input" name="name" defaultValue={`Tester, ${label}`} required maxLength={100} />
      </label>
      <label className="field">
        Device id
        <input
          className="input"
          name="deviceId"
          placeholder="new each time"
          pattern={DEVICE_ID_PATTERN}
          title="1 to 128 characters, without space, / + # $ :"
          aria-describedby={`${id}guest`}
          autoComplete="off"
          spellCheck={false}
        />
      </label>
      <p id={`${id}guest`} className="quiet tester-wide">
        Without an id it is a guest, of which nothing stays when it goes.
      </p>
    </fieldset>
  )
}
