/** A place in the log of a room. Offsets count 1, 2, 3 …; 0 is before the first notice. */
export interface Position {
  /** Names one life of the log. A log that was lost and begun again has another epoch. */
  readonly epoch: string
  readonly offset: number
}

/** Why a log cannot say what was missed. */
export type GapReason =
  /** The log was lost and begun again, or never was what the position says. */
  | 'epoch-changed'
  /** The log no longer reaches back to the position. */
  | 'trimmed'
  /** More was missed than is replayed. */
  | 'too-many'
  /** The log holds an entry that the gateway cannot read. */
  | 'unreadable'

interface HasOffset {
  readonly offset: number
}

/** The run of entries that follows `after` without a hole, and whether anything stands beyond the first hole. */
export interface Merged<Entry> {
  readonly run: readonly Entry[]
  readonly hole: boolean
}

/**
 * Merges runs of one log, in whatever order they were read and however they overlap, into the entries that follow
 * `after` in order, each once. Stops at the first hole.
 */
export function mergeInOrder<Entry extends HasOffset>(
  after: number,
  ...lists: readonly (readonly Entry[])[]
): Merged<Entry> {
  const byOffset = new Map<number, Entry>()
  for (const list of lists) {
    for (const entry of list) if (entry.offset > after) byOffset.set(entry.offset, entry)
  }
  const run: Entry[] = []
  for (let offset = after + 1; ; offset++) {
    const entry = byOffset.get(offset)
    if (entry === undefined) return { run, hole: byOffset.size > run.length }
    run.push(entry)
  }
}
