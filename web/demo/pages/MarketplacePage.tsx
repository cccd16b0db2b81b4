import type { Prompt } from '../data/types.ts'
import { useResource } from '../data/useResource.ts'
import { PromptCard } from '../marketplace/PromptCard.tsx'
import { Empty } from '../ui/Empty.tsx'
import { Loaded } from '../ui/Loaded.tsx'
import { Page } from '../ui/Page.tsx'

export function MarketplacePage() {
  const prompts = useResource<readonly Prompt[]>('/demo/api/prompts', 'prompts')
  return (
    <Page title="Marketplace">
      <p className="lede">
        Ways to choose, written by other photographers. Change a title: every open marketplace, on all devices
        of all users, shows it within ten seconds.
      </p>
      <Loaded resource={prompts} what="prompts">
        {(known) =>
          known.length === 0 ? (
            <Empty title="Nothing is for sale yet" />
          ) : (
            <ul className="cards">
              {known.map((prompt) => (
                <PromptCard key={prompt.promptId} prompt={prompt} />
              ))}
            </ul>
          )
        }
      </Loaded>
    </Page>
  )
}
