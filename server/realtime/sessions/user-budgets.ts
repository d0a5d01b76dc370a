import { TokenBucket } from '../../lib/flow-control.ts'

/** As much as ten sockets, which may be those of several people who share a name. */
const LIMITS = { burst: 10_000, perSecond: 1_000 }
/** Buckets are full by then, and as good as new ones. */
const SWEEP_INTERVAL_MS = 10_000

/** Limits the requests of each user over all sockets to this node, in addition to those of each socket. */
export class UserBudgets {
  readonly #buckets = new Map<string, TokenBucket>()
  #sweptAtMs = performance.now()

  /** The bucket of a user. Not to be kept: it is dropped once it is full. */
  of(userId: string): TokenBucket {
    const known = this.#buckets.get(userId)
    if (known !== undefined) return known
    this.#sweep()
    const bucket = new TokenBucket(LIMITS)
    this.#buckets.set(userId, bucket)
    return bucket
  }

  #sweep(): void {
    const nowMs = performance.now()
    if (nowMs - this.#sweptAtMs < SWEEP_INTERVAL_MS) return
    this.#sweptAtMs = nowMs
    for (const [userId, bucket] of this.#buckets) if (bucket.isFull()) this.#buckets.delete(userId)
  }
}
