import type { ServerResponse } from 'node:http'
import express from 'express'
import type { RequestHandler, Router } from 'express'
import type { StatusResponse } from '../../shared/http-api.ts'
import type { SubscribeRequest } from '../../shared/protocol.ts'
import type { Room } from '../../shared/room.ts'
import type { Authorization } from '../auth/authorization.ts'
import type { FailureLimiter } from '../auth/authentication.ts'
import type { Principal } from '../auth/principal.ts'
import type { Broker } from '../broker/broker.ts'
import type { Logger } from '../telemetry/logger.ts'
import { readHeartbeats } from '../telemetry/health.ts'
import { allowOrigins } from '../http/cors.ts'
import { createDisconnect } from './admin-handlers.ts'
import { readStream } from './requests.ts'
import { createReads } from './room-handlers.ts'
import { createTestRecall } from './admin-handlers.ts'
import { requireAdmin, requireBearer, principalOf } from './bearer-auth.ts'

interface ApiOptions {
  /** Whose pages may call it, besides the own one. */
  readonly origins: readonly string[]
  /** Whether admins may make recalls. */
  readonly testRecalls: boolean
}

interface ApiDependencies {
  readonly admission: Authorization
  readonly guard: FailureLimiter
  readonly broker: Broker
  /** Opens server-sent events on one room. */
  readonly openStream: (
    principal: Principal,
    ask: SubscribeRequest,
    response: ServerResponse,
  ) => Promise<void>
  /** How many listen to a room on this node. */
  readonly socketsIn: (room: Room) => number
  readonly log: Logger
}

/** The HTTP API beside the sockets. */
export function createApi(
  { origins, testRecalls }: ApiOptions,
  { admission, guard, broker, openStream, socketsIn, log }: ApiDependencies,
): Router {
  const reads = createReads({ admission, broker, socketsIn })
  const stream: RequestHandler = async (request, response) => {
    const { room, since } = readStream(request)
    await openStream(principalOf(response), { ...room, ...(since && { since }) }, response)
  }
  const status: RequestHandler = async (_request, response) => {
    response.json({ ok: true, testRecalls, nodes: await readHeartbeats(broker) } satisfies StatusResponse)
  }
  const router = express.Router()
  router.use('/v1', allowOrigins(origins), requireBearer(guard))
  router.get('/v1/position', reads.position)
  router.get('/v1/notices', reads.notices)
  router.get('/v1/recalled', reads.recalled)
  router.get('/v1/stream', stream)
  router.post('/v1/disconnect', requireAdmin, createDisconnect({ broker, log }))
  router.get('/v1/status', requireAdmin, status)
  if (testRecalls) router.post('/v1/test-recall', requireAdmin, createTestRecall({ broker, log }))
  return router
}
