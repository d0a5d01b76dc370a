import { asGatewayError, ERRORS, GatewayError } from '../../../shared/errors.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { EntryFilter } from './entry-index.ts'
import type { QuarantineStore } from './quarantine-files.ts'
import { toRelayed } from './given-up.ts'
import type { RelayedRequest } from '../relay/relayed-request.ts'
import type { RetryWebhook } from './retry-webhook.ts'

/** After so long no other entry is begun; each takes a second at most. */
const RETRY_FOR_MS = 500
const MAX_RETRIES = 100

export type RetryOutcome = { readonly accepted: true } | { readonly accepted: false; readonly reason: string }

export interface RetriedMatching {
  readonly accepted: number
  readonly refused: number
  /** Entries with higher ids may be left; missing if none are. */
  readonly doneUntil?: number
}

interface RetryingDependencies {
  readonly quarantine: Pick<QuarantineStore, 'get' | 'read' | 'matching' | 'setReason' | 'remove'>
  readonly retryWebhook: RetryWebhook
  /** Puts a request back into the queue of the relay. Resolves once it is there to stay. */
  readonly retryRelay: (request: RelayedRequest) => Promise<void>
  readonly log: Logger
}

/**
 * Retries entries of the quarantine. One that is accepted is removed afterwards, so that none is lost if the process ends in between;
 * then it is accepted twice. One that is refused stays, with the new reason.
 */
export function createRetrying({ quarantine, retryWebhook, retryRelay, log }: RetryingDependencies) {
  const running = new Map<number, Promise<RetryOutcome>>()

  async function retryNow(id: number): Promise<RetryOutcome> {
    const entry = quarantine.get(id)
    const request = quarantine.read(id)
    if (entry === undefined || request === undefined) throw new GatewayError('NOT_IN_QUARANTINE')
    if (entry.kind === 'rotten')
      return { accepted: false, reason: `what is rotten cannot be retried: ${entry.reason}` }
    try {
      await (entry.kind === 'relay' ? retryRelay(toRelayed(request)) : retryWebhook(request))
    } catch (err) {
      const error = asGatewayError(err)
      if (error.code === 'INTERNAL') log.error({ err }, 'retry failed because of an internal error')
      // It says nothing of the request.
      if (ERRORS[error.code].retry) throw error
      await quarantine.setReason(id, error.message)
      return { accepted: false, reason: error.message }
    }
    // Otherwise it may be back after the next start, and be retried again.
    await quarantine
      .remove([id])
      .catch((err: unknown) => log.warn({ err, id }, 'cannot remove what was retried from the quarantine'))
    return { accepted: true }
  }

  /** Who retries the same entry meanwhile gets the same outcome. Rejects with NOT_IN_QUARANTINE, NOT_KEPT or the like. */
  function retry(id: number): Promise<RetryOutcome> {
    const known = running.get(id)
    if (known !== undefined) return known
    const retried = retryNow(id).finally(() => running.delete(id))
    running.set(id, retried)
    return retried
  }

  return {
    retry,

    /**
     * Retries the entries that match, oldest first, from that after `afterId` on, for about a second. Rejects like `retry` if not
     * even the first could be tried.
     */
    async retryMatching(filter: EntryFilter, afterId: number): Promise<RetriedMatching> {
      const startMs = performance.now()
      const left = quarantine.matching(filter).filter(({ id }) => id > afterId)
      let [accepted, refused, doneUntil] = [0, 0, afterId]
      for (const { id } of left.slice(0, MAX_RETRIES)) {
        if (performance.now() - startMs > RETRY_FOR_MS) break
        const outcome = await retry(id).catch((error: unknown) => {
          if (error instanceof GatewayError && error.code === 'NOT_IN_QUARANTINE') return undefined
          if (accepted + refused === 0) throw error
          return 'stop'
        })
        if (outcome === 'stop') break
        if (outcome?.accepted === true) accepted++
        else if (outcome !== undefined) refused++
        doneUntil = id
      }
      const isDone = doneUntil >= (left.at(-1)?.id ?? 0)
      return { accepted, refused, ...(!isDone && { doneUntil }) }
    },
  }
}
