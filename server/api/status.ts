import express from 'express'
import type { RequestHandler, Router } from 'express'
import { GatewayError } from '../../shared/errors.ts'
import type { StatusResponse } from '../../shared/http-api.ts'
import type { Authorization } from '../auth/authorization.ts'
import type { FailureLimiter } from '../auth/failure-limiter.ts'
import { allowOrigins } from '../http/cors.ts'
import type { OriginCheck } from '../http/origins.ts'
import type { ReadOverview } from '../telemetry/overview.ts'
import type { Refusals } from '../telemetry/refusals.ts'
import { requireAdmin, requireBearer } from './bearer-auth.ts'

interface StatusOptions {
  /** Whether admins may send test recalls here. */
  readonly testRecalls: boolean
}

export interface StatusDependencies {
  readonly authorization: Pick<Authorization, 'authenticateByKnownBans'>
  readonly authenticateRequest: FailureLimiter
  readonly readOverview: ReadOverview
  readonly isAllowedOrigin: OriginCheck
  readonly refusals: Refusals
}

/**
 * Serves `GET /v1/status` to admins. It responds within about a second, also without the broker, which is when it is needed most:
 * the revocations that are known apply.
 */
export function serveStatus(
  { testRecalls }: StatusOptions,
  { authorization, authenticateRequest, readOverview, isAllowedOrigin, refusals }: StatusDependencies,
): Router {
  const status: RequestHandler = async (_request, response) => {
    const { self, processes, gone, incomplete, problems } = await readOverview()
    response.json({
      ok: true,
      testRecalls,
      self,
      complete: incomplete === undefined,
      ...(incomplete !== undefined && { incomplete }),
      problems,
      nodes: processes,
      gone,
    } satisfies StatusResponse)
  }
  const router = express.Router()
  router.use('/v1', allowOrigins(isAllowedOrigin, refusals))
  router.get(
    '/v1/status',
    requireBearer(authenticateRequest, authorization.authenticateByKnownBans),
    requireAdmin,
    status,
  )
  return router
}

/** Says why a receiver that cannot check tokens does not serve it. */
export function refuseStatus(): Router {
  const router = express.Router()
  router.get('/v1/status', () => {
    throw new GatewayError(
      'NOT_FOUND',
      'a receiver serves it if it can check tokens (JWT_SECRET or JWKS_URL)',
    )
  })
  return router
}
