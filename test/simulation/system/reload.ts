import type { RecallClient } from '../../../shared/client.ts'
import { isFeed } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import type { History } from '../history.ts'
import type { Seqs } from '../history/users.ts'
import { seqsOf } from '../../support/seqs.ts'

/** The client may ask about so many at once. */
const MAX_SEQS = 1_000

/** Asks, as an app does when it has missed something, which of the messages of a room are recalled. Rejects if it cannot. */
export async function reload(client: RecallClient, room: Room, history: History): Promise<Seqs[]> {
  const shown = new Map<string, { group: string; topic?: string; seqs: Set<number> }>()
  for (const { group, topic, seqs } of history.of('sent')) {
    if (!isFeed(room) && (room.group !== group || (room.topic !== undefined && room.topic !== topic)))
      continue
    const key = JSON.stringify([group, topic])
    const known = shown.get(key) ?? { group, ...(topic !== undefined && { topic }), seqs: new Set() }
    for (const seq of seqs) known.seqs.add(seq)
    shown.set(key, known)
  }
  const found: Seqs[] = []
  for (const { seqs, ...conversation } of shown.values()) {
    const all = [...seqs]
    for (let i = 0; i < all.length; i += MAX_SEQS) {
      const recalled = await client.recalled(conversation, all.slice(i, i + MAX_SEQS))
      found.push({ ...conversation, seqs: seqsOf(recalled) })
    }
  }
  return found
}
