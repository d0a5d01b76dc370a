/** A request that someone with a token sent and that the gateway did not understand. */
export interface QuarantinedRequest {
  readonly receivedAtMs: number
  /** The query without what proves the sender. */
  readonly query: string
  /** The body as it arrived. */
  readonly body: string
  /** Why it was refused. */
  readonly reason: string
}

/** Keeps what was authentic and not understood, so that a person can look at it. When full, the oldest makes room. */
export interface Quarantine {
  keep(request: QuarantinedRequest): Promise<void>
}
