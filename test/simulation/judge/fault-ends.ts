import type { Entry, EntryOf } from '../history.ts'

/** Returns when a fault was over; undefined if it was done in a moment, or lasts to the end. Two of a name differ in how long they last. */
export const faultEndMs = (
  { name, detail, atMs }: Pick<EntryOf<'fault'>, 'name' | 'detail' | 'atMs'>,
  history: readonly Entry[],
): number | undefined =>
  history.find(
    (one) => one.kind === 'fault over' && one.name === name && one.detail === detail && one.atMs >= atMs,
  )?.atMs
