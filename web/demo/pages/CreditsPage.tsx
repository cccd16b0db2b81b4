import { useBackend } from '../data/backend.ts'
import { useAction } from '../data/useAction.ts'
import { useBalance } from '../shell/balance.ts'
import { number } from '../ui/format.ts'
import { Loaded } from '../ui/Loaded.tsx'
import { Page } from '../ui/Page.tsx'
import { Problem } from '../ui/Problem.tsx'

const PACKS = [500, 2_000, 10_000] as const

export function CreditsPage() {
  const balance = useBalance()
  const { api, refresh } = useBackend()
  const buy = useAction(async (credits: number) => {
    await api.post('/demo/api/credits', { credits })
    refresh.tell('balance')
  })
  return (
    <Page title="Credits">
      <Loaded resource={balance} what="balance">
        {(known) => (
          <p className="amount">
            <span className="amount-number">{number(known.balance)}</span> credits
          </p>
        )}
      </Loaded>
      <p className="lede">An image costs one credit. What you buy shows at once on all your devices.</p>
      {buy.error && <Problem title="Nothing was bought" error={buy.error} />}
      <ul className="packs">
        {PACKS.map((credits) => (
          <li key={credits}>
            <button
              type="button"
              className="button"
              aria-disabled={buy.pending}
              onClick={() => buy.run(credits)}
            >
              Buy {number(credits)}
            </button>
          </li>
        ))}
      </ul>
    </Page>
  )
}
