import { NavLink } from 'react-router'
import { number } from '../ui/format.ts'
import { useBalance } from './balance.ts'

export function BalanceLink() {
  const { data } = useBalance()
  return (
    <NavLink to="/credits" className="balance">
      <span className="balance-number">{data ? number(data.balance) : '–'}</span> credits
    </NavLink>
  )
}
