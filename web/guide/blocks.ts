import { readFileSync } from 'node:fs'

/** The files of the guide's app at one point of it, by their paths. */
export type Stage = ReadonlyMap<string, string>

const FENCE = /^( *)```(tsx?)\n([\s\S]*?)^\1```$/gm

/**
 * The guide's TypeScript blocks as files. Each names its path in its first line; where a path comes again the reader
 * replaces the file, and a new stage begins. Throws where a block names none.
 */
export function stages(guide: string): readonly Stage[] {
  const all: Map<string, string>[] = [new Map()]
  for (const [block, indent = '', , code = ''] of guide.matchAll(FENCE)) {
    const text = code.replaceAll(new RegExp(`^${indent}`, 'gm'), '')
    const path = /^\/\/ ((?:src|server)\/\S+)\n/.exec(text)?.[1]
    if (path === undefined) throw new Error(`A block names no file: ${block.slice(0, 80)}`)
    const last = all.at(-1)
    if (last === undefined || last.has(path)) all.push(new Map([...(last ?? []), [path, text]]))
    else last.set(path, text)
  }
  return all
}

export function readGuide(): string {
  return readFileSync(`${import.meta.dirname}/../../docs/guide.md`, 'utf8')
}
