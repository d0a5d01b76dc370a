import type { ServerResponse } from 'node:http'
import express from 'express'
import type { RequestHandler, Router } from 'express'
import type { StatusResponse } from '../../shared/http-api.ts'
import type { SubscribeRequest } from '../../shared/protocol.ts'
import type { Room } from '../../shared/room.ts'
import type { FailureLimiter } from '../auth/failure-limiter.ts'
import type { Authorization } from '../auth/authorization.ts'
import type { Principal } from '../auth/principal.ts'
import type { Broker } from '../broker/broker.ts'
import { allowOrigins } from '../http/cors.ts'
import type { OriginCheck } from '../http/origins.ts'
import { sortProcesses } from '../telemetry/processes.ts'
import type { ReadHeartbeats } from '../telemetry/heartbeat-reader.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Refusals } from '../telemetry/refusals.ts'
import { createDisconnect, createTestRecall } from './admin-handlers.ts'
import { principalOf, requireAdmin, requireBearer } from './bearer-auth.ts'
import { parseStream } from './requests.ts'
import { createRoomHandlers } from './room-handlers.ts'

interface ApiOptions {
  /** Whether admins may send test recalls. */
  readonly testRecalls: boolean
}

interface ApiDependencies {
  readonly authorization: Authorization
  readonly authenticateRequest: FailureLimiter
  readonly broker: Broker
  readonly readHeartbeats: ReadHeartbeats
  /** Writes one room to the response as server-sent events. */
  readonly openStream: (
    principal: Principal,
    request: SubscribeRequest,
    response: ServerResponse,
  ) => Promise<void>
  /** Sockets and streams in a room on this node. */
  readonly socketsIn: (room: Room) => number
  readonly isAllowedOrigin: OriginCheck
  readonly refusals: Refusals
  readonly log: Logger
}

/** The routes of the HTTP API, with the same grants as the sockets. `shared/openapi.yaml` describes them. */
export function createApi(
  { testRecalls }: ApiOptions,
  {
    authorization,
    authenticateRequest,
    broker,
    readHeartbeats,
    openStream,
    socketsIn,
    isAllowedOrigin,
    refusals,
    log,
  }: ApiDependencies,
): Router {
  const rooms = createRoomHandlers({ authorization, broker, socketsIn })
  const stream: RequestHandler = async (request, response) => {
    const { room, since } = parseStream(request)
    await openStream(principalOf(response), { ...room, ...(since && { since }) }, response)
  }
  const status: RequestHandler = async (_request, response) => {
    const { alive: nodes } = sortProcesses(await readHeartbeats(), Date.now())
    response.json({
      ok: true,
      testRecalls,
      self: '',
      complete: true,
      problems: [],
      nodes,
      gone: [],
    } satisfies StatusResponse)
  }
  const router = express.Router()
  router.use('/v1', allowOrigins(isAllowedOrigin, refusals), requireBearer(authenticateRequest))
  router.get('/v1/position', rooms.position)
  router.get('/v1/notices', rooms.notices)
  router.get('/v1/recalled', rooms.recalled)
  router.get('/v1/stream', stream)
  router.post('/v1/disconnect', requireAdmin, createDisconnect({ broker, log }))
  router.get('/v1/status', requireAdmin, status)
  if (testRecalls) router.post('/v1/test-recall', requireAdmin, createTestRecall({ broker, log }))
  return router
}
