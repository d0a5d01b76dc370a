import type { RequestHandler, Response } from 'express'
import type {
  QuarantinedEntryResponse,
  QuarantinedWhole,
  QuarantineDropResponse,
  QuarantineKind,
  QuarantineResponse,
  QuarantineRetriesResponse,
  QuarantineRetryResponse,
} from '../../shared/http-api.ts'
import { createKeyedLimiter } from '../lib/keyed-limiter.ts'
import type { RequestTurns } from '../lib/request-turns.ts'
import type { Logger } from '../telemetry/logger.ts'
import { chargeUser, principalOf } from './bearer-auth.ts'
import { parseQuarantine, parseQuarantineBulk } from './quarantine-requests.ts'
import { whileOpen } from './turns.ts'

/** Receivers work for each, and a page may have 400 KB. */
const MAX_CONCURRENT_PER_USER = 1
/** What reads or changes many entries counts as so many more requests. */
const EXTRA_CHARGE = 10

export interface QuarantineFilter {
  readonly kind?: QuarantineKind
  /** Text that the reason contains. */
  readonly reason?: string
  readonly command?: string
}

interface ListRequest {
  readonly filter: QuarantineFilter
  readonly order: 'newest' | 'oldest'
  readonly cursor?: string | undefined
  readonly limit: number
}

/** The quarantines of all receivers. Methods reject with GatewayErrors. */
export interface Quarantines {
  list(request: ListRequest): Promise<Omit<QuarantineResponse, 'ok'>>
  show(id: string): Promise<QuarantinedWhole>
  retry(
    id: string,
  ): Promise<{ readonly accepted: true } | { readonly accepted: false; readonly reason: string }>
  drop(id: string): Promise<void>
  retryMatching(filter: QuarantineFilter, cursor?: string): Promise<Omit<QuarantineRetriesResponse, 'ok'>>
  dropMatching(filter: QuarantineFilter, cursor?: string): Promise<Omit<QuarantineDropResponse, 'ok'>>
}

interface QuarantineDependencies {
  readonly quarantines: Quarantines
  readonly turns: RequestTurns
  readonly log: Logger
}

/** Lets admins see, retry and drop what is in the quarantines of all receivers. */
export function createQuarantineHandlers({ quarantines, turns, log }: QuarantineDependencies) {
  const limitPerUser = createKeyedLimiter(MAX_CONCURRENT_PER_USER)

  /** Does the work unless nobody waits for the response any more, and responds in a turn of its own. */
  async function respond(response: Response, work: () => Promise<object>): Promise<void> {
    const { id } = principalOf(response)
    await limitPerUser(id, () =>
      whileOpen(turns, id, response, async () => {
        if (response.destroyed) return
        const body = await work()
        await turns.goOn()
        response.json(body)
      }),
    )
  }

  const list: RequestHandler = async (request, response) => {
    const asked = parseQuarantine(request)
    await chargeUser(response, EXTRA_CHARGE)
    await respond(
      response,
      async () => ({ ok: true, ...(await quarantines.list(asked)) }) satisfies QuarantineResponse,
    )
  }

  const show: RequestHandler<{ id: string }> = (request, response) =>
    respond(
      response,
      async () =>
        ({ ok: true, entry: await quarantines.show(request.params.id) }) satisfies QuarantinedEntryResponse,
    )

  const retry: RequestHandler<{ id: string }> = (request, response) =>
    respond(response, async () => {
      const { id } = request.params
      const outcome = await quarantines.retry(id)
      const { accepted } = outcome
      log.info({ admin: principalOf(response).id, entry: id, accepted }, 'entry of the quarantine retried')
      return { ok: true, ...outcome } satisfies QuarantineRetryResponse
    })

  const drop: RequestHandler<{ id: string }> = (request, response) =>
    respond(response, async () => {
      const { id } = request.params
      await quarantines.drop(id)
      log.info({ admin: principalOf(response).id, entry: id }, 'entry of the quarantine dropped')
      return { ok: true, dropped: 1 } satisfies QuarantineDropResponse
    })

  const retryMatching: RequestHandler = async (request, response) => {
    const { filter, cursor } = parseQuarantineBulk(request)
    await chargeUser(response, EXTRA_CHARGE)
    await respond(response, async () => {
      const retried = await quarantines.retryMatching(filter, cursor)
      const { accepted, refused } = retried
      log.info(
        { admin: principalOf(response).id, filter, accepted, refused },
        'entries of the quarantine retried',
      )
      return { ok: true, ...retried } satisfies QuarantineRetriesResponse
    })
  }

  const dropMatching: RequestHandler = async (request, response) => {
    const { filter, cursor } = parseQuarantineBulk(request)
    await chargeUser(response, EXTRA_CHARGE)
    await respond(response, async () => {
      const result = await quarantines.dropMatching(filter, cursor)
      const { dropped } = result
      log.info({ admin: principalOf(response).id, filter, dropped }, 'entries of the quarantine dropped')
      return { ok: true, ...result } satisfies QuarantineDropResponse
    })
  }

  return { list, show, retry, drop, retryMatching, dropMatching }
}
