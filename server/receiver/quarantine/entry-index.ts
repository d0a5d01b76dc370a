import type { QuarantineKind } from '../../../shared/http-api/quarantine.ts'
import { KINDS } from './kinds.ts'
import { decodeBody } from './quarantine.ts'
import { commandIn } from './stored-entry.ts'
import type { StoredEntry } from './stored-entry.ts'

/** What is known of an entry without reading it. */
export interface IndexedEntry {
  readonly id: number
  readonly kind: QuarantineKind
  /** Its key in the journal of its kind. */
  readonly key: number
  readonly quarantinedAtMs: number
  readonly receivedAtMs: number
  readonly reason: string
  readonly command: string | undefined
  /** Size of its body. */
  readonly bytes: number
  /** Size of the entry in its journal. */
  readonly storedBytes: number
}

export interface EntryFilter {
  readonly kind?: QuarantineKind | undefined
  /** Text that the reason contains. */
  readonly reason?: string | undefined
  readonly command?: string | undefined
}

export function toIndexed(
  kind: QuarantineKind,
  key: number,
  { id, atMs, request }: StoredEntry,
  storedBytes: number,
): IndexedEntry {
  const { receivedAtMs, reason, query } = request
  return {
    id,
    kind,
    key,
    quarantinedAtMs: atMs ?? receivedAtMs,
    receivedAtMs,
    reason,
    command: commandIn(query),
    bytes: decodeBody(request).length,
    storedBytes,
  }
}

/** The entries of a quarantine in memory, a few hundred bytes each, by kind and in the order in which they came. */
export class EntryIndex {
  readonly #byKind = new Map(KINDS.map((kind) => [kind, new Map<number, IndexedEntry>()]))
  readonly #bytes = new Map(KINDS.map((kind) => [kind, 0]))
  /** Most entries have one of few reasons and commands: each text is held once. */
  #texts = new Map<string, string>()

  get size(): number {
    return KINDS.reduce((sum, kind) => sum + this.#of(kind).size, 0)
  }

  get bytes(): number {
    return KINDS.reduce((sum, kind) => sum + (this.#bytes.get(kind) ?? 0), 0)
  }

  /** Takes the place of an entry with the same id. */
  put(entry: IndexedEntry): void {
    const known = this.#of(entry.kind).get(entry.id)
    const { reason, command } = entry
    const shared = { ...entry, reason: this.#once(reason), command: command && this.#once(command) }
    this.#of(entry.kind).set(entry.id, shared)
    this.#grow(entry.kind, entry.storedBytes - (known?.storedBytes ?? 0))
  }

  get(id: number): IndexedEntry | undefined {
    for (const kind of KINDS) {
      const entry = this.#of(kind).get(id)
      if (entry !== undefined) return entry
    }
    return undefined
  }

  delete({ id, kind }: IndexedEntry): void {
    const entry = this.#of(kind).get(id)
    if (entry === undefined) return
    this.#of(kind).delete(id)
    this.#grow(kind, -entry.storedBytes)
    if (this.size === 0) this.#texts = new Map()
  }

  /** In the order of their ids. */
  matching({ kind: wanted, reason, command }: EntryFilter = {}): IndexedEntry[] {
    const kinds = wanted === undefined ? KINDS : [wanted]
    return kinds
      .flatMap((kind) => [...this.#of(kind).values()])
      .filter(
        (entry) =>
          (reason === undefined || entry.reason.includes(reason)) &&
          (command === undefined || entry.command === command),
      )
      .toSorted((one, other) => one.id - other.id)
  }

  /** Returns the oldest of a kind that have to go so that the others are within these limits. Never the newest. */
  surplus(kind: QuarantineKind, maxEntries: number, maxBytes: number): IndexedEntry[] {
    let [entries, bytes] = [this.#of(kind).size, this.#bytes.get(kind) ?? 0]
    const surplus: IndexedEntry[] = []
    for (const entry of this.#of(kind).values()) {
      if (entries <= 1 || (entries <= maxEntries && bytes <= maxBytes)) break
      surplus.push(entry)
      entries--
      bytes -= entry.storedBytes
    }
    return surplus
  }

  #of(kind: QuarantineKind): Map<number, IndexedEntry> {
    return this.#byKind.get(kind) ?? new Map<number, IndexedEntry>()
  }

  #grow(kind: QuarantineKind, bytes: number): void {
    this.#bytes.set(kind, (this.#bytes.get(kind) ?? 0) + bytes)
  }

  #once(text: string): string {
    // Forgotten at times, so that reasons that each occur once are not held for longer than their entries.
    if (this.#texts.size > 1_000) this.#texts = new Map()
    const known = this.#texts.get(text)
    if (known === undefined) this.#texts.set(text, text)
    return known ?? text
  }
}
