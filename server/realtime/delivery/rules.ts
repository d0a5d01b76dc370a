/** Why it is not proved that this node tells its sockets everything. */
export interface Cause {
  /** Notices that were stored since then may be missing, by the clock of `Evidence`. */
  readonly sinceMs: number
  /** One sentence for people, without hosts, users or secrets. */
  readonly reason: string
}

export interface Evidence {
  readonly nowMs: number
  /** When the latest probe that arrived was sent. */
  readonly provedAtMs: number
  /** Everything that speaks against delivery now. The first explains most. */
  readonly causes: readonly Cause[]
}

export type NodeDelivery =
  | { readonly proved: true }
  | {
      readonly proved: false
      readonly sinceMs: number
      readonly reason: string
      /** Since when nothing speaks against delivery any more. */
      readonly clearSinceMs?: number
    }

/**
 * How long notices may be late before the node says so. With the interval of checks, and the time until a client knows, no
 * client calls itself live 3 s after a notice was stored that it has not received.
 */
const DOUBT_AFTER_MS = 2_000

export const PROVED: NodeDelivery = { proved: true }

/**
 * Delivery is in doubt once something has spoken against it for 2 s. It is proved again once nothing does, and a probe has
 * arrived that was sent after that: everything that had been published until then has arrived before it.
 */
export function nextDelivery(before: NodeDelivery, { nowMs, provedAtMs, causes }: Evidence): NodeDelivery {
  const sinceMs = Math.min(...causes.map((cause) => cause.sinceMs))
  if (before.proved) {
    const due = causes.find((cause) => nowMs - cause.sinceMs > DOUBT_AFTER_MS)
    return due === undefined ? before : { proved: false, sinceMs, reason: due.reason }
  }
  const [first] = causes
  if (first !== undefined)
    return { proved: false, sinceMs: Math.min(before.sinceMs, sinceMs), reason: first.reason }
  const clearSinceMs = before.clearSinceMs ?? nowMs
  return provedAtMs >= clearSinceMs ? PROVED : { ...before, clearSinceMs }
}
