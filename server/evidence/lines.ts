import type { Position } from '../../shared/position.ts'
import type { Room } from '../../shared/room.ts'
import { parseRecord } from '../../shared/json.ts'
import { visibleJson } from '../../shared/unseen.ts'

// The lines of a file of evidence, each one JSON object. `server/docs/evidence.md` describes them.

export const FORMAT = 1
/** Longer than any line of a gateway: an entry has up to 256 KiB, and stands in its line twice. */
export const MAX_LINE_BYTES = 4 * 2 ** 20

/** The first line. */
export interface HeaderLine {
  readonly recallGatewayEvidence: typeof FORMAT
  readonly app: string
  readonly environment?: string
  readonly room: Room
  /** As it was asked for. */
  readonly filter: { readonly q?: string; readonly since?: string; readonly until?: string }
  readonly askedBy: string
  readonly askedAt: string
  /** The version of the gateway. */
  readonly gateway: string
  /** Where the log ended; null for a room that never had a recall. */
  readonly logEnd: Position | null
  /** The oldest entry that the log still holds; null if it holds none. */
  readonly logBegin: { readonly offset: number; readonly at: string | null } | null
  /** The entry before the first one of this file, if the log still holds it: its link is in the first link. */
  readonly before: LinkAt | null
  readonly proves: string
  readonly doesNotProve: string
}

interface LinkAt {
  readonly offset: number
  readonly link: string | null
}

/** An entry of the log. What the filter leaves out has no more than what the chain needs. */
export interface EntryLine {
  readonly offset: number
  /** Who recalled, what, where and when, from `entry`; see `describe`. */
  readonly recall?: Description
  /** When the gateway stored it, by the clock of its store. */
  readonly keptAt: string | null
  /** When it was first written to a socket or stream in this room, and by which node; null if no node has noted that. */
  readonly firstTold?: { readonly at: string; readonly node: string } | null
  /** The entry exactly as it is stored, which `digest` is of. */
  readonly entry?: string
  /**
   * The gateway could not read it: it is not signed with a key of this gateway, was stored by a later version, or no gateway wrote it. With
   * `entry` if there is no filter.
   */
  readonly unreadable?: true
  readonly digest: string
  readonly subset: string
  readonly keptAtMs: number | null
  /** Of an entry with which a chain begins. */
  readonly epoch?: string
  /** Null for an entry of a release that stored no links. */
  readonly link: string | null
}

/** Entries that the log no longer holds, between others that it does, or did. */
export interface MissingLine {
  readonly missing: { readonly from: number; readonly to: number }
  /** The log still held older ones: it has not dropped them, as it does with the oldest. */
  readonly removed?: true
}

/** The last line but one. Its bytes are what is signed. */
export interface HeadLine {
  readonly head: {
    readonly recallGatewayEvidence: typeof FORMAT
    readonly app: string
    readonly room: Room
    /** Lines before this one. */
    readonly lines: number
    readonly entries: number
    /** Entries that the filter did not leave out. */
    readonly shown: number
    readonly first: LinkAt | null
    readonly last: LinkAt | null
    /** SHA-256 of everything before this line, in hexadecimal. */
    readonly sha256: string
    readonly complete: boolean
    /** Why not. */
    readonly problem?: string
    readonly signedAt: string
  }
}

/** The last line. */
export interface SignatureLine {
  /** Of the bytes of the line before, without its line break: Ed25519, in Base64. */
  readonly signature: string
  readonly key: string
  readonly publicKey: string
}

/** What a person reads of an entry. */
interface Description {
  readonly recalledBy: string | null
  readonly sender?: string
  readonly in: Readonly<Record<string, unknown>>
  readonly messages: readonly unknown[]
  readonly recalledAt: string | null
  readonly receivedAt: string | null
  readonly test?: true
}

/** Returns what a person reads of an entry: only the messages that were new. Undefined for a text that is no entry. */
export function describe(entry: string, subset: string): Description | undefined {
  const recall = parseRecord(entry)
  if (!Array.isArray(recall?.['messages'])) return undefined
  const { group, topic, c2c, official, operator, sender, messages, recalledAtMs, receivedAtMs, test } = recall
  const indices = subset === '' ? undefined : new Set(subset.split(',').map(Number))
  return {
    recalledBy: typeof operator === 'string' ? operator : null,
    ...(typeof sender === 'string' && { sender }),
    in: { group, topic, c2c, official },
    messages: (messages as unknown[]).filter((_message, i) => indices?.has(i) ?? true),
    recalledAt: isoOf(recalledAtMs),
    receivedAt: isoOf(receivedAtMs),
    ...(test === true && { test }),
  }
}

/** Returns the time in ISO 8601 with milliseconds, in UTC; null for a number that is no time. */
export function isoOf(ms: unknown): string | null {
  const date = new Date(typeof ms === 'number' ? ms : NaN)
  return Number.isNaN(date.getTime()) ? null : date.toISOString()
}

/** Returns a line of the file, with its line break. */
export const toLine = (value: object): string => `${visibleJson(value)}\n`

/** Whether two values are the same in JSON. */
export const isSame = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other)
