import type { Entry, EntryOf } from '../history.ts'

/**
 * Returns when a fault was over, with the last at the latest; undefined if it was done in a moment, or lasts to the end. Two of a name
 * differ in how long they last.
 */
export const faultEndMs = (
  { name, detail, atMs }: Pick<EntryOf<'fault'>, 'name' | 'detail' | 'atMs'>,
  history: readonly Entry[],
): number | undefined => {
  const isEnd = (one: Entry): boolean =>
    one.kind === 'fault over' && one.name === name && one.detail === detail && one.atMs >= atMs
  if (!history.some(isEnd)) return undefined
  return history.find((one) => isEnd(one) || one.kind === 'all faults over')?.atMs
}
