import type { RecalledAt } from '../../shared/recall.ts'
import { createLimiter } from '../lib/flow-control.ts'
import type { Turns } from '../lib/turns.ts'
import type { Broker } from './broker.ts'

/** About a millisecond of work, whichever the broker. */
const SEQS_PER_TURN = 200
/** Replies that may arrive in the same turn. */
const MAX_CONCURRENT_LOOKUPS = 4

/**
 * Returns the broker as those see it who ask a lot: what they read is read in parts, each of which waits for its turn. Its reads
 * reject with TOO_MANY_REQUESTS too, if too many wait.
 */
export function paceReads(broker: Broker, { next }: Pick<Turns, 'next'>): Broker {
  const limit = createLimiter(MAX_CONCURRENT_LOOKUPS)
  return {
    ...broker,
    async recalled(conversation, seqs) {
      const found: RecalledAt[] = []
      for (let from = 0; from < seqs.length; from += SEQS_PER_TURN) {
        const part = seqs.slice(from, from + SEQS_PER_TURN)
        const look = (): Promise<readonly RecalledAt[]> =>
          next().then(() => broker.recalled(conversation, part))
        found.push(...(await limit(look)))
      }
      return found
    },
    async history(...call) {
      await next()
      return await broker.history(...call)
    },
    async historyBefore(...call) {
      await next()
      return await broker.historyBefore(...call)
    },
  }
}
