import { createHash } from 'node:crypto'
import { expect } from 'chai'
import type { Broker } from '../../server/broker/broker.ts'
import type { StoredEntry } from '../../server/broker/log-reading.ts'
import type { Room } from '../../shared/room.ts'

/** Reads all stored entries of a room. */
export async function storedEntries(broker: Pick<Broker, 'entries'>, room: Room): Promise<StoredEntry[]> {
  const all: StoredEntry[] = []
  for (;;) {
    const { entries } = await broker.entries(room, all.at(-1)?.offset ?? 0, 2)
    if (entries.length === 0) return all
    all.push(...entries)
  }
}

const hexOf = (algorithm: string, text: string): string => createHash(algorithm).update(text).digest('hex')

/**
 * Expects that each entry has the link that follows from it and from the one before; the first one too, unless the log no longer
 * holds the one before it. Written from `evidence.md`, not from the code. Returns the offsets at which chains begin.
 */
export function expectChain(entries: readonly StoredEntry[]): number[] {
  let previous: string | undefined
  const beginnings: number[] = []
  for (const { offset, text, subset, link } of entries) {
    if (link === undefined) throw new Error(`no link at ${offset}`)
    const before = link.epoch === undefined ? previous : `epoch ${link.epoch}`
    const covered = `${before}:${offset}:${link.keptAtMs}:${subset}:${hexOf('sha256', text)}`
    if (before !== undefined) expect(link.link, `link at ${offset}`).to.equal(hexOf('sha1', covered))
    if (link.epoch !== undefined) beginnings.push(offset)
    previous = link.link
  }
  return beginnings
}
