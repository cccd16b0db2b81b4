const web = new URL('..', import.meta.url).pathname

/** The library by its public names, from its sources. The longer names come first: a prefix would match as well. */
export const aliases = [
  { find: '@kull/sync/components.css', replacement: `${web}src/components/components.css` },
  { find: '@kull/sync/components', replacement: `${web}src/components/index.ts` },
  { find: '@kull/sync/react', replacement: `${web}src/react/index.ts` },
  { find: '@kull/sync', replacement: `${web}src/client/index.ts` },
]
