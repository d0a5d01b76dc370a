/** A webhook as it goes to the app's backend. */
export interface RelayedRequest {
  /** Random, and the same in every attempt. */
  readonly id: string
  /** `CallbackCommand` of the query, or else of the body; '' if there is none. */
  readonly command: string
  /** Requests of one lane are delivered in order: those of a conversation, or else of a user, or else of a command. */
  readonly lane: string
  readonly method: string
  /** What follows WEBHOOK_PATH, byte for byte: '' or '/…'. */
  readonly pathSuffix: string
  /** Byte for byte, without '?'. */
  readonly query: string
  /** Undefined if there was none. */
  readonly contentType: string | undefined
  /** `Forwarded`, `X-Forwarded-…`, and other headers of the caller that go to the backend. */
  readonly forwarded: Readonly<Record<string, string>>
  readonly body: Buffer
  readonly receivedAtMs: number
  /** Whether `Traceparent` in `forwarded` is the span that received it: attempts are recorded below that. */
  readonly isTraced?: true | undefined
}

/** How an attempt ended. */
export type Attempt =
  | {
      readonly kind: 'answered'
      readonly status: number
      readonly contentType: string | undefined
      /** Of an answer that is compressed: somebody has asked for it, or the backend does so unasked. */
      readonly contentEncoding?: string
      readonly body: Buffer
    }
  | {
      /** The network failed, the answer was late or too large, or its status was 5xx, 408, 425 or 429. May be tried again. */
      readonly kind: 'failed'
      readonly reason: string
      /** If it has answered. */
      readonly status?: number
      /** What the backend asked for in `Retry-After`, bounded. */
      readonly retryAfterMs?: number
    }

export interface Forwarder {
  /** Never rejects. `attempt` counts from 1. Once `signal` aborts, the attempt ends as failed. */
  forward(
    request: RelayedRequest,
    options: { readonly timeoutMs: number; readonly attempt: number; readonly signal?: AbortSignal },
  ): Promise<Attempt>
}

/** Why a request is queued: its attempt failed, others of its lane wait, or it was not tried. */
export type QueuedBecause = 'failed' | 'behind' | 'untried'

/** The place of a request in its lane, in order of arrival. */
export interface Arrival {
  readonly number: number
  /** Whether earlier ones of its lane wait, or are under way while the queue holds anything: it has to queue behind them. */
  readonly mustQueue: boolean
  /** It needs no queue. Until then, or until it is added, later ones of its lane are not delivered from the queue. */
  leave(): void
}

export interface RelayQueue {
  /**
   * Takes the next place in a lane, for a request that may have to be queued. `isComing`: it certainly will be, and others queue
   * behind it.
   */
  arrive(lane: string, isComing?: boolean): Arrival
  /**
   * Resolves once the request is on disk, and survives a crash. Rejects with NOT_KEPT at once if the queue is full, and if the disk
   * fails. Without an arrival, it comes last in its lane.
   */
  add(request: RelayedRequest, why: QueuedBecause, arrival?: Arrival): Promise<void>
  /** The backend has answered somebody: a pause before the next probe ends. */
  wake(): void
  /** Whether something of this lane waits, so that what follows has to queue behind it. */
  hasLane(lane: string): boolean
  depth(): { readonly requests: number; readonly bytes: number; readonly ageMs: number }
}
