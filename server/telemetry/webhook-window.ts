import { ERRORS } from '../../shared/errors.ts'
import type { ErrorCode } from '../../shared/errors.ts'
import type { WebhookState } from '../../shared/http-api.ts'

const WEBHOOK_WINDOW_MS = 300_000
const BUCKET_MS = 5_000
/** Of each kind; more are counted together, so that a heartbeat stays small. */
const MAX_CODES = 8
/** The provider sends POST only, so such a call says nothing of its webhooks: checks of load balancers and browsers send GET. */
const NOT_OF_THE_PROVIDER = 'METHOD_NOT_ALLOWED'

type Outcome = 'OK' | ErrorCode

/** Webhooks that were answered within a few seconds, by outcome. */
interface Bucket {
  readonly startMs: number
  readonly counts: Map<Outcome, number>
}

/** Counts the webhooks of the last five minutes by outcome. `now` is a clock in ms that never goes back. */
export class WebhookWindow {
  readonly #now: () => number
  readonly #createdMs: number
  #buckets: Bucket[] = []
  #lastOkMs: number | undefined
  #lastFailedMs: number | undefined
  #refusedInARow = 0
  #refusedSinceMs: number | undefined

  constructor(now: () => number = () => performance.now()) {
    this.#now = now
    this.#createdMs = now()
  }

  /** How long no webhook has been answered with OK: since the latest, or since there is this window. */
  silenceMs(): number {
    return this.#now() - (this.#lastOkMs ?? this.#createdMs)
  }

  add(outcome: Outcome): void {
    const nowMs = this.#now()
    const { counts } = this.#bucketAt(nowMs)
    counts.set(outcome, (counts.get(outcome) ?? 0) + 1)
    if (outcome === 'OK') {
      this.#lastOkMs = nowMs
      this.#refusedInARow = 0
      this.#refusedSinceMs = undefined
    } else if (isFailure(outcome)) this.#lastFailedMs = nowMs
    else if (outcome !== NOT_OF_THE_PROVIDER) {
      this.#refusedInARow++
      this.#refusedSinceMs ??= nowMs
    }
  }

  state(): WebhookState {
    const nowMs = this.#now()
    this.#forget(nowMs)
    const totals = new Map<Outcome, number>()
    for (const { counts } of this.#buckets)
      for (const [outcome, count] of counts) totals.set(outcome, (totals.get(outcome) ?? 0) + count)
    const errors = [...totals].filter(([outcome]) => outcome !== 'OK')
    const ageMs = (atMs: number | undefined): number | null => (atMs === undefined ? null : nowMs - atMs)
    const failed = errors.filter(([outcome]) => isFailure(outcome))
    return {
      ok: totals.get('OK') ?? 0,
      refused: byCode(errors.filter(([outcome]) => !isFailure(outcome))),
      failed: byCode(failed),
      lastOkAgeMs: ageMs(this.#lastOkMs),
      refusedInARow: this.#refusedInARow,
      refusedForMs: ageMs(this.#refusedSinceMs),
      lastFailedAgeMs: failed.length === 0 ? null : ageMs(this.#lastFailedMs),
    }
  }

  #bucketAt(nowMs: number): Bucket {
    const latest = this.#buckets.at(-1)
    if (latest !== undefined && nowMs - latest.startMs < BUCKET_MS) return latest
    this.#forget(nowMs)
    const bucket = { startMs: nowMs, counts: new Map<Outcome, number>() }
    this.#buckets.push(bucket)
    return bucket
  }

  #forget(nowMs: number): void {
    this.#buckets = this.#buckets.filter(({ startMs }) => nowMs - startMs < WEBHOOK_WINDOW_MS)
  }
}

/** Whether the gateway is to blame. What comes back from the backend was stored when it came from the provider. */
const isFailure = (outcome: Outcome): boolean =>
  outcome !== 'OK' && outcome !== 'RELAY_LOOP' && ERRORS[outcome].status >= 500

/** The most frequent codes, and the sum of the others. */
function byCode(counts: readonly (readonly [code: string, count: number])[]): Record<string, number> {
  const sorted = counts.toSorted(([, a], [, b]) => b - a)
  const others = sorted.slice(MAX_CODES).reduce((sum, [, count]) => sum + count, 0)
  return { ...Object.fromEntries(sorted.slice(0, MAX_CODES)), ...(others > 0 && { OTHER: others }) }
}
