// The library's own way around a storage that is forbidden or full; its apps get along without knowing of it.
import { browserStorage } from '../../src/client/storage.ts'

/** What this browser remembers from one page to the next; where that is forbidden, as long as the page lives. */
export const storage = browserStorage()
