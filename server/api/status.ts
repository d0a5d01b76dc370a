import express from 'express'
import type { RequestHandler, Router } from 'express'
import { GatewayError } from '../../shared/errors.ts'
import type { StatusResponse } from '../../shared/http-api.ts'
import type { Authorization } from '../auth/authorization.ts'
import type { FailureLimiter } from '../auth/failure-limiter.ts'
import { allowOrigins } from '../http/cors.ts'
import { respondNotFound } from '../http/not-found.ts'
import type { OriginCheck } from '../http/origins.ts'
import type { ReadOverview } from '../telemetry/overview.ts'
import type { Refusals } from '../telemetry/refusals.ts'
import { requireAdmin, requireBearer } from './bearer-auth.ts'
import { serveReport } from './process-reports.ts'
import type { ProcessReports } from './process-reports.ts'
import { createWhoami } from './whoami.ts'
import type { Deployment } from './whoami.ts'

interface StatusOptions {
  /** Whether admins may send test recalls here. */
  readonly testRecalls: boolean
}

export interface StatusDependencies extends ProcessReports {
  readonly authorization: Pick<Authorization, 'authenticateByKnownBans'>
  readonly authenticateRequest: FailureLimiter
  readonly readOverview: ReadOverview
  readonly isAllowedOrigin: OriginCheck
  readonly refusals: Refusals
  readonly deployment: Deployment
}

/**
 * Serves what must work without the broker, which is when it is needed most: `GET /v1/status` to admins, within about a second,
 * `GET /v1/doctor` and `GET /v1/configuration` to admins, within seconds, and `GET /v1/whoami` to everybody. The revocations that are
 * known apply.
 */
export function serveStatus(
  { testRecalls }: StatusOptions,
  {
    authorization,
    authenticateRequest,
    readOverview,
    readDoctor,
    isAllowedOrigin,
    refusals,
    deployment,
    readConfigurations,
    readHistory,
  }: StatusDependencies,
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
  const bearer = requireBearer(authenticateRequest, authorization.authenticateByKnownBans)
  router.get('/v1/status', bearer, requireAdmin, status)
  router.get('/v1/doctor', bearer, requireAdmin, serveReport(readDoctor))
  router.get('/v1/configuration', bearer, requireAdmin, serveReport(readConfigurations))
  router.get('/v1/health-history', bearer, requireAdmin, serveReport(readHistory))
  router.get('/v1/whoami', bearer, createWhoami(deployment))
  return router
}

/** Says of everything else that a receiver does not serve it: who follows the runbook at night may have asked the wrong process. */
export function refuseRooms(): Router {
  const router = express.Router()
  router.use(
    '/v1',
    respondNotFound(
      'this process has ROLE=receiver, which serves no rooms and no quarantine: ask one with ROLE=node or ROLE=all',
    ),
  )
  return router
}

/** Says why a receiver that cannot check tokens does not serve them. */
export function refuseStatus(): Router {
  const router = express.Router()
  router.get(['/v1/status', '/v1/doctor', '/v1/configuration', '/v1/health-history', '/v1/whoami'], () => {
    throw new GatewayError(
      'NOT_FOUND',
      'a receiver serves it if it can check tokens (JWT_SECRET or JWKS_URL)',
    )
  })
  return router
}
