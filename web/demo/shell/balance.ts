import { createContext, useContext } from 'react'
import type { Balance } from '../data/types.ts'
import type { Resource } from '../data/useResource.ts'

export const BalanceContext = createContext<Resource<Balance> | null>(null)

/** The balance, which the header and the pages share. */
export function useBalance(): Resource<Balance> {
  const balance = useContext(BalanceContext)
  if (balance === null) throw new Error('No balance here, use BalanceProvider')
  return balance
}
