import { type FormEvent, useEffect, useRef, useState } from 'react'
import { useBackend } from '../data/backend.ts'
import type { Prompt } from '../data/types.ts'
import { useAction } from '../data/useAction.ts'
import { count } from '../ui/format.ts'
import { Problem } from '../ui/Problem.tsx'

/** A prompt, whose title anybody may edit. */
export function PromptCard({ prompt }: { readonly prompt: Prompt }) {
  const [editing, setEditing] = useState(false)
  const edit = useRef<HTMLButtonElement>(null)
  const wasEditing = useRef(false)
  // The focus comes back from the form; it does not come here by itself.
  useEffect(() => {
    if (wasEditing.current && !editing) edit.current?.focus()
    wasEditing.current = editing
  }, [editing])
  return (
    <li className="card">
      <div className="card-text">
        {editing ? (
          <TitleForm prompt={prompt} onDone={() => setEditing(false)} />
        ) : (
          <>
            <h2>{prompt.title}</h2>
            <p className="card-facts">
              <span>by {prompt.author}</span>
              <span>{count(prompt.price, 'credit')}</span>
            </p>
            <p>{prompt.description}</p>
            <p className="card-actions">
              <button
                ref={edit}
                type="button"
                className="button"
                aria-label={`Edit title of ${prompt.title}`}
                onClick={() => setEditing(true)}
              >
                Edit title
              </button>
            </p>
          </>
        )}
      </div>
    </li>
  )
}

interface TitleFormProps {
  readonly prompt: Prompt
  readonly onDone: () => void
}

function TitleForm({ prompt, onDone }: TitleFormProps) {
  const { api, refresh } = useBackend()
  const input = useRef<HTMLInputElement>(null)
  useEffect(() => input.current?.select(), [])
  const save = useAction(async (title: string) => {
    await api.patch(`/demo/api/prompts/${encodeURIComponent(prompt.promptId)}`, { title })
    // Others wait for the news, which is spread over some seconds.
    refresh.tell('prompts')
  })
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const title = input.current?.value.trim() ?? ''
    if (title !== '' && (await save.run(title))) onDone()
  }
  return (
    <form
      className="title-form"
      onSubmit={submit}
      onKeyDown={({ key }) => {
        if (key === 'Escape') onDone()
      }}
    >
      <label className="field">
        Title
        <input ref={input} className="input" defaultValue={prompt.title} required maxLength={100} />
      </label>
      {save.error && <Problem title="The title was not saved" error={save.error} />}
      <p className="card-actions">
        <button type="submit" className="button button-primary" aria-disabled={save.pending}>
          {save.pending ? 'Saving …' : 'Save'}
        </button>
        <button type="button" className="button" onClick={onDone}>
          Cancel
        </button>
      </p>
    </form>
  )
}
