import type { ReactNode } from 'react'
import type { Balance } from '../data/types.ts'
import { useResource } from '../data/useResource.ts'
import { BalanceContext } from './balance.ts'

export function BalanceProvider({ children }: { readonly children: ReactNode }) {
  const balance = useResource<Balance>('/demo/api/balance', 'balance')
  return <BalanceContext value={balance}>{children}</BalanceContext>
}
