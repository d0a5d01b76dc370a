import type { Broker } from '../broker/broker.ts'
import type { StoredEntry } from '../broker/log-reading.ts'
import { firstKeptAfter, keptAt, textOf } from './open-log.ts'
import type { OpenLog } from './open-log.ts'

const ENTRIES_PER_READ = 100
/** By how much two logs may differ in when they kept the same recall. */
const SLACK_MS = 1_000

/**
 * Tells which entries of the feed a log holds, too. It is to be asked about newer entries first, as it reads the log alongside: what it
 * remembers is what was kept about when the entry was that it was last asked for.
 */
export class HeldEntries {
  readonly #log: Pick<Broker, 'entries'>
  readonly #opened: OpenLog
  /** When each text was kept, newest first. */
  readonly #keptAtMs = new Map<string, number>()
  /** All from this offset on that matter are remembered. Undefined before the first question. */
  #end: number | undefined
  /** When the oldest of them was kept. */
  #reachedMs = Infinity

  constructor(log: Pick<Broker, 'entries'>, opened: OpenLog) {
    this.#log = log
    this.#opened = opened
  }

  async has(entry: StoredEntry): Promise<boolean> {
    const atMs = keptAt(entry)
    // Nobody can say when it was kept: better found twice than not at all.
    if (atMs === undefined) return false
    this.#end ??= await firstKeptAfter(this.#log, this.#opened, atMs + SLACK_MS)
    for (const [text, keptAtMs] of this.#keptAtMs) {
      if (keptAtMs <= atMs + SLACK_MS) break
      this.#keptAtMs.delete(text)
    }
    while (this.#end > this.#opened.first && this.#reachedMs >= atMs - SLACK_MS)
      this.#end = await this.#read(this.#end)
    return this.#keptAtMs.has(textOf(entry))
  }

  /** Remembers the entries before this offset, and returns that of the first of them. */
  async #read(end: number): Promise<number> {
    const { room, first } = this.#opened
    const from = Math.max(first, end - ENTRIES_PER_READ)
    const { entries } = await this.#log.entries(room, from - 1, end - from)
    for (const entry of entries.toReversed()) {
      if (entry.offset >= end) continue
      this.#reachedMs = keptAt(entry) ?? this.#reachedMs
      this.#keptAtMs.set(textOf(entry), this.#reachedMs)
    }
    return from
  }
}
