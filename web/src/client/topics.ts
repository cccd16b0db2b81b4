import { DEVICE_ID, ID } from './wire.generated.ts'

/** A topic that a device reads, taken apart. `types` are the message types that belong there. */
export type Topic =
  | { readonly kind: 'shoot'; readonly user: string; readonly shoot: string }
  | { readonly kind: 'presence'; readonly user: string; readonly device: string }
  | { readonly kind: 'inbox'; readonly user: string; readonly device: string }
  | { readonly kind: 'credits' | 'prompts'; readonly user: string }
  | { readonly kind: 'allPrompts' | 'epoch'; readonly user: null }

const ROOT = 'sync/v1/'

/** Which topic of the contract this is. Null: none that a device reads. */
export function parseTopic(topic: string): Topic | null {
  if (topic === `${ROOT}all/prompts`) return { kind: 'allPrompts', user: null }
  if (topic === `${ROOT}all/epoch`) return { kind: 'epoch', user: null }
  if (!topic.startsWith(`${ROOT}users/`)) return null
  const [user = '', ...place] = topic.slice(ROOT.length + 'users/'.length).split('/')
  if (!ID.test(user)) return null
  const leaf = place.pop() ?? ''
  switch (place.join('/')) {
    case 'events':
      return leaf === 'credits' || leaf === 'prompts' ? { kind: leaf, user } : null
    case 'events/shoots':
      return ID.test(leaf) ? { kind: 'shoot', user, shoot: leaf } : null
    case 'devices':
      return DEVICE_ID.test(leaf) ? { kind: 'presence', user, device: leaf } : null
    case 'inbox':
      return DEVICE_ID.test(leaf) ? { kind: 'inbox', user, device: leaf } : null
    default:
      return null
  }
}
