import type { Segment } from './segment.ts'

export const JOURNAL_FILE = /^(\d{16}-[0-9a-f]{8})(?:\.(\d+))?\.journal$/
export const REMOVALS_FILE = /^(\d{16}-[0-9a-f]{8})\.removed-\d+$/

/** `id`: eight hexadecimal digits, so that no file of an earlier journal in this folder has the same name. */
export const segmentName = (firstKey: number, id: string): string =>
  `${String(firstKey).padStart(16, '0')}-${id}.journal`

export const removalsName = (segment: string, number: number): string =>
  `${JOURNAL_FILE.exec(segment)?.[1] ?? segment}.removed-${number}`

export const removalsOf = (segment: Segment): string[] =>
  Array.from({ length: segment.removalFiles }, (_, number) => removalsName(segment.name, number))

/** Returns the files in the order of their keys; of one that was replaced by another, only the latter. */
export function newestOf(names: readonly string[]): string[] {
  const newest = new Map<string, string>()
  for (const name of names) {
    if (!JOURNAL_FILE.test(name)) continue
    const known = newest.get(baseOf(name))
    if (known === undefined || generationOf(known) < generationOf(name)) newest.set(baseOf(name), name)
  }
  return [...newest.values()].toSorted()
}

export const baseOf = (name: string): string =>
  (JOURNAL_FILE.exec(name) ?? REMOVALS_FILE.exec(name))?.[1] ?? ''
const generationOf = (name: string): number => Number(JOURNAL_FILE.exec(name)?.[2] ?? 0)
export const keyIn = (name: string): number => Number(name.slice(0, 16))

/** The name of the file that replaces this one. */
export const healedName = (name: string): string => `${baseOf(name)}.${generationOf(name) + 1}.journal`
