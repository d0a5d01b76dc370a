import type { Notice } from '../../../shared/notice.ts'
import { witnessOf } from './evidence.ts'
import type { Evidence, Witness } from './evidence.ts'

/** The latest notices that a room remembers, so that clients that reconnect soon need no read of the log. */
const TAIL_NOTICES = 100

/** What a room knows of its log while it follows it. */
export class KnownEntries implements Evidence {
  /** The latest notices delivered, oldest first, up to the room's position. */
  readonly tail: Notice[] = []
  #witness: Witness | undefined

  /** What the log held at the room's first position, to compare it with while the tail is empty. */
  get witness(): Witness | undefined {
    return this.#witness
  }

  /** Adds the notice that was just delivered. */
  push(notice: Notice): void {
    this.tail.push(notice)
    if (this.tail.length > TAIL_NOTICES) this.tail.shift()
  }

  /** Prepends notices from the log if they end where the tail begins, which is after `offset` if it is empty. */
  prepend(notices: readonly Notice[], offset: number): void {
    const start = this.tail[0]?.offset ?? offset + 1
    const before = notices.filter((notice) => notice.offset < start)
    if (before.at(-1)?.offset !== start - 1) return
    this.tail.unshift(...before)
    this.tail.splice(0, this.tail.length - TAIL_NOTICES)
  }

  /** Sets the witness: the entry at the room's position. */
  witnessed(entry: Notice): void {
    this.#witness = witnessOf(entry)
  }
}
