import type { Room } from '../../shared/room.ts'

/** When a notice was first written to a socket or stream, as far as nodes have noted that. */
export interface Told {
  /** `receivedAtMs` of the notice: after a loss, the offset may be that of another one. */
  readonly receivedAtMs: number
  /** By the clock of the node, in ms since 1970. */
  readonly atMs: number
  /** The node, as its operators know it. */
  readonly node: string
}

/** A note of a node that it has told a notice of this room. */
export interface ToldNote extends Told {
  readonly room: Room
  readonly offset: number
}

/** Returns the notes by the name of their room. */
export function byRoom(notes: readonly ToldNote[], nameOf: (room: Room) => string): Map<string, ToldNote[]> {
  const found = new Map<string, ToldNote[]>()
  for (const note of notes) {
    const name = nameOf(note.room)
    const known = found.get(name)
    if (known === undefined) found.set(name, [note])
    else known.push(note)
  }
  return found
}

/** Whether a note says more than the one that is known: it is earlier, or of another notice. */
export const saysMore = (note: Told, known: Told | undefined): boolean =>
  known?.receivedAtMs !== note.receivedAtMs || note.atMs < known.atMs
