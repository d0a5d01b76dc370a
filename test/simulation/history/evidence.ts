import type { Room } from '../../../shared/room.ts'

/** Somebody has asked for a file of evidence about the log of a room, and has it, or has not. */
export interface EvidenceTaken {
  readonly kind: 'evidence'
  readonly room: Room
  readonly askedAtMs: number
  /** At the end, when nothing is wrong any more. */
  readonly isLast?: true
  /** Undefined if nobody answered in time. */
  readonly status: number | undefined
  /** What the gateway says of the file: `verified`, or the problem. Empty without a file. */
  readonly verdict: string
  readonly isComplete: boolean
  /** Of the log; undefined if there is none. */
  readonly epoch?: string
  readonly entries: readonly EvidenceEntry[]
}

export interface EvidenceEntry {
  readonly offset: number
  /** When it was kept, in ms since 1970, as the file says. */
  readonly keptAtMs: number | null
  readonly subset: string
  /** SHA-256 of the text of the entry, in hexadecimal; not as the file says, but computed. */
  readonly digest: string
  /** As the file says. */
  readonly link: string | null
  /** A chain begins here: the epoch. */
  readonly epoch?: string
  readonly recall: {
    readonly group: string
    readonly topic?: string
    readonly seqs: readonly number[]
    readonly recalledAtMs: number
  }
  /** When it was first told, in ms since 1970. */
  readonly toldAtMs?: number
}
