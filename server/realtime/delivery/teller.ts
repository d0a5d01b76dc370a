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
  options?: {
    /** Asked when it is the turn of a connection, which may have left meanwhile. */
    readonly isWanted?: (target: T) => boolean
    /** Waited for first. */
    readonly after?: Promise<unknown> | undefined
  },
) => void

/** Sends events to many connections, a slice at a time, one event after the other: each connection gets them in order. */
export function createTeller(): Tell {
  let telling = Promise.resolve()
  return (event, targets, { isWanted = () => true, after } = {}) => {
    telling = telling.then(async () => {
      await after
      for (let i = 0; i < targets.length; i += SLICE) {
        for (const target of targets.slice(i, i + SLICE)) if (isWanted(target)) target.onDelivery(event)
        await turn()
      }
    })
  }
}
