import { setImmediate as turn } from 'node:timers/promises'
import type { PreparedDelivery } from '../rooms/prepared-event.ts'

/** Connections written to in one turn: a few milliseconds, in which notices and webhooks wait. */
const SLICE = 250

interface Told {
  onDelivery(event: PreparedDelivery): void
}

export type Tell = <T extends Told>(
  event: PreparedDelivery,
  targets: readonly T[],
  isWanted?: (target: T) => boolean,
) => void

/**
 * Sends events to many connections, a slice at a time, one event after the other: each connection gets them in order.
 * `isWanted` is asked when it is the turn of a connection, which may have left meanwhile.
 */
export function createTeller(): Tell {
  let telling = Promise.resolve()
  return (event, targets, isWanted = () => true) => {
    telling = telling.then(async () => {
      for (let i = 0; i < targets.length; i += SLICE) {
        for (const target of targets.slice(i, i + SLICE)) if (isWanted(target)) target.onDelivery(event)
        await turn()
      }
    })
  }
}
