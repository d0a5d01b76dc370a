import type { Logger } from '../../telemetry/logger.ts'
import { encodeBody } from './quarantine.ts'
import type { Quarantine } from './quarantine.ts'
import { msLeft } from '../webhook-call.ts'
import type { WebhookCall } from '../webhook-call.ts'

/** Webhooks whose disk hangs are held in memory. */
const MAX_BEING_SET_ASIDE = 1_000

interface QuarantiningDependencies {
  readonly quarantine: Pick<Quarantine, 'add'>
  readonly log: Logger
}

/** Puts the whole webhook into the quarantine, for which the response does not wait too long. Never rejects. */
export type SetAside = (call: WebhookCall, reason: string) => Promise<void>

export function createQuarantining({ quarantine, log }: QuarantiningDependencies): SetAside {
  /** How many webhooks are being written to the quarantine. */
  let beingSetAside = 0

  return async function setAside(call, reason) {
    const { query, body, contentType, receivedAtMs } = call
    log.warn({ reason }, 'authentic webhook not understood, quarantined')
    if (beingSetAside >= MAX_BEING_SET_ASIDE)
      return log.error({ reason }, 'cannot write to the quarantine: too much waits for its disk')
    const request = {
      receivedAtMs,
      query: query.withoutSign,
      ...(contentType !== undefined && { contentType }),
      ...encodeBody(body),
      reason,
    }
    beingSetAside++
    const adding = quarantine
      .add(request)
      .catch((err: unknown) => log.error({ err }, 'cannot write to the quarantine'))
      .finally(() => beingSetAside--)
    // A disk may hang, and the recall is told all the same.
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        log.error({ reason }, 'the quarantine is slow to write, not waited for')
        resolve()
      }, msLeft(call))
      void adding.then(() => {
        clearTimeout(timer)
        resolve()
      })
    })
  }
}
