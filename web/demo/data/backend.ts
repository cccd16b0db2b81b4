import { createContext, useContext } from 'react'
import { Api } from './api.ts'
import { Refresh } from './refresh.ts'

export interface Backend {
  readonly api: Api
  readonly refresh: Refresh
}

/** The backend as the user who is signed in may use it; where nobody is, as anybody may. */
export const BackendContext = createContext<Backend>({ api: new Api(), refresh: new Refresh() })

export function useBackend(): Backend {
  return useContext(BackendContext)
}
