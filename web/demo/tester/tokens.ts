import { Api } from '../data/api.ts'

/** Whose app token it is. */
export type Bearer =
  | { readonly userId: string }
  | { readonly service: string; readonly scopes: readonly string[] }

/** An app token for anyone, which only the demo's backend gives out. Rejects with an ApiError. */
export async function tokenOf(bearer: Bearer): Promise<string> {
  const { token } = await new Api().post<{ readonly token: string }>('/demo/api/tokens', bearer)
  return token
}
