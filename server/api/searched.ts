import type { SearchResponse } from '../../shared/http-api/search.ts'
import type { StoredEntry } from '../broker/log-reading.ts'
import { keptAt } from './open-log.ts'

/** Counts what was looked at. */
export class Seen {
  entries = 0
  #unreadable = 0
  #fromMs = Infinity
  #toMs = -Infinity

  /** `isKnown`: it was counted in another log. */
  add(entry: StoredEntry, isKnown: boolean): void {
    this.entries++
    if (entry.notice === null && !isKnown) this.#unreadable++
    const atMs = keptAt(entry)
    if (atMs === undefined) return
    this.#fromMs = Math.min(this.#fromMs, atMs)
    this.#toMs = Math.max(this.#toMs, atMs)
  }

  summary(): Omit<SearchResponse['searched'], 'room'> {
    const isEmpty = this.#fromMs > this.#toMs
    return {
      entries: this.entries,
      ...(this.#unreadable > 0 && { unreadable: this.#unreadable }),
      fromMs: isEmpty ? null : this.#fromMs,
      toMs: isEmpty ? null : this.#toMs,
    }
  }
}

/** Of the log of a room, and then of the feed behind it. */
export function together(
  { room, ...own }: SearchResponse['searched'],
  feed: SearchResponse['searched'],
): SearchResponse['searched'] {
  const unreadable = (own.unreadable ?? 0) + (feed.unreadable ?? 0)
  const times = [own, feed].flatMap(({ fromMs, toMs }) => [fromMs ?? [], toMs ?? []].flat())
  return {
    room,
    entries: own.entries + feed.entries,
    ...(unreadable > 0 && { unreadable }),
    fromMs: times.length === 0 ? null : Math.min(...times),
    toMs: times.length === 0 ? null : Math.max(...times),
  }
}
