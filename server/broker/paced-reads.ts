import type { RecalledAt } from '../../shared/message.ts'
import type { RequestTurns } from '../lib/request-turns.ts'
import type { Broker } from './broker.ts'

/** About a millisecond of work, whichever the broker. */
const NAMES_PER_PART = 200

/** Returns the broker as those see it who ask a lot: what they read is read in parts, each of which waits while the loop is late. */
export function paceReads(broker: Broker, turns: Pick<RequestTurns, 'goOn'>): Broker {
  return {
    ...broker,
    async recalled(conversation, names) {
      const parts: Promise<readonly RecalledAt[]>[] = []
      for (let from = 0; from < names.length; from += NAMES_PER_PART) {
        await turns.goOn()
        const part = broker.recalled(conversation, names.slice(from, from + NAMES_PER_PART))
        // It may fail while the next one waits.
        part.catch(() => undefined)
        parts.push(part)
      }
      return (await Promise.all(parts)).flat()
    },
    async history(...call) {
      await turns.goOn()
      return await broker.history(...call)
    },
    async entries(...call) {
      await turns.goOn()
      return await broker.entries(...call)
    },
    async historyBefore(...call) {
      await turns.goOn()
      return await broker.historyBefore(...call)
    },
  }
}
