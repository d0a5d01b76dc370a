import type { RequestHandler, Response } from 'express'
import type {
  QuarantinedEntryResponse,
  QuarantinedWhole,
  QuarantineDropResponse,
  QuarantineKind,
  QuarantineResponse,
  QuarantineRetriesResponse,
  QuarantineRetryResponse,
} from '../../shared/http-api/quarantine.ts'
import { createKeyedLimiter } from '../lib/keyed-limiter.ts'
import type { RequestTurns } from '../lib/request-turns.ts'
import type { Audit } from './audit.ts'
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
  readonly audit: Audit
}

/** Lets admins see, retry and drop what is in the quarantines of all receivers. */
export function createQuarantineHandlers({ quarantines, turns, audit }: QuarantineDependencies) {
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
      const outcome = await audit.during(
        request,
        response,
        { action: 'quarantine retry', details: { entry: id } },
        () => quarantines.retry(id),
        ({ accepted }) => ({ accepted }),
      )
      return { ok: true, ...outcome } satisfies QuarantineRetryResponse
    })

  const drop: RequestHandler<{ id: string }> = (request, response) =>
    respond(response, async () => {
      const { id } = request.params
      const act = { action: 'quarantine drop', details: { entry: id } } as const
      await audit.during(request, response, act, () => quarantines.drop(id))
      return { ok: true, dropped: 1 } satisfies QuarantineDropResponse
    })

  const retryMatching: RequestHandler = async (request, response) => {
    const { filter, cursor } = parseQuarantineBulk(request)
    await chargeUser(response, EXTRA_CHARGE)
    await respond(response, async () => {
      const retried = await audit.during(
        request,
        response,
        { action: 'quarantine retry', details: { ...filter } },
        () => quarantines.retryMatching(filter, cursor),
        ({ accepted, refused }) => ({ accepted, refused }),
      )
      return { ok: true, ...retried } satisfies QuarantineRetriesResponse
    })
  }

  const dropMatching: RequestHandler = async (request, response) => {
    const { filter, cursor } = parseQuarantineBulk(request)
    await chargeUser(response, EXTRA_CHARGE)
    await respond(response, async () => {
      const result = await audit.during(
        request,
        response,
        { action: 'quarantine drop', details: { ...filter } },
        () => quarantines.dropMatching(filter, cursor),
        ({ dropped }) => ({ dropped }),
      )
      return { ok: true, ...result } satisfies QuarantineDropResponse
    })
  }

  return { list, show, retry, drop, retryMatching, dropMatching }
}
