/** `GET /v1/delivery`: when a recall was stored in the log of a room, and first told there. */
export interface DeliveryResponse {
  readonly ok: true
  /** By the clock of the store, in ms since 1970; null if the log no longer holds the entry, or a process of the last release stored it. */
  readonly keptAtMs: number | null
  /** By the clock of the node; null if no node has noted that it told anybody. Nodes note it with `EVIDENCE_KEY`. */
  readonly firstTold: { readonly atMs: number; readonly node: string } | null
}
