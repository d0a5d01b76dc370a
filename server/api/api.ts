import type { ServerResponse } from 'node:http'
import express from 'express'
import type { RequestHandler, Router } from 'express'
import type { SubscribeRequest } from '../../shared/protocol.ts'
import type { Room } from '../../shared/room.ts'
import type { Authorization } from '../auth/authorization.ts'
import type { Principal } from '../auth/principal.ts'
import type { Revocations } from '../auth/revocations.ts'
import type { Broker } from '../broker/broker.ts'
import type { EvidenceKey } from '../lib/evidence-keys.ts'
import type { ClientAddress } from '../http/client-address.ts'
import type { RequestTurns } from '../lib/request-turns.ts'
import type { Logger } from '../telemetry/logger.ts'
import { createAuditHandler } from './audit.ts'
import type { Audit } from './audit.ts'
import { principalOf, requireAdmin, requireBearer } from './bearer-auth.ts'
import { createDelivery } from './delivery.ts'
import { createDisconnect } from './disconnect.ts'
import { createExport } from './export.ts'
import { createEvidenceHandlers } from './evidence.ts'
import { createPresenceHandlers } from './presence.ts'
import { createQuarantineHandlers } from './quarantine.ts'
import type { Quarantines } from './quarantine.ts'
import { forgetFolder } from './left-folders.ts'
import { createLargeReads } from './large-reads.ts'
import { parseStream } from './requests.ts'
import { createRoomHandlers } from './room-handlers.ts'
import { createRevocationHandlers } from './revocations.ts'
import { createSearch } from './search.ts'
import { serveStatus } from './status.ts'
import type { StatusDependencies } from './status.ts'
import { createTop } from './top.ts'
import { takeTurn } from './turns.ts'
import { createSignIn } from './whoami.ts'
import { createTestRecall } from './test-recall.ts'
import type { TestDoor } from './test-recall.ts'

interface ApiOptions {
  /** Whether admins may send test recalls. */
  readonly testRecalls: boolean
}

interface ApiDependencies extends StatusDependencies {
  readonly authorization: Authorization
  readonly broker: Broker
  readonly quarantines: Quarantines
  readonly presence: Parameters<typeof createPresenceHandlers>[0]['presence']
  readonly folders: Parameters<typeof forgetFolder>[0]['folders']
  /** The first one signs; without any there is no evidence. */
  readonly evidenceKeys: readonly EvidenceKey[]
  /** Where test recalls go in. */
  readonly door: TestDoor
  /** Writes one room to the response as server-sent events. */
  readonly openStream: (
    principal: Principal,
    request: SubscribeRequest,
    response: ServerResponse,
  ) => Promise<void>
  /** Sockets and streams in a room on this node. */
  readonly socketsIn: (room: Room) => number
  readonly turns: RequestTurns
  readonly addressOf: ClientAddress
  readonly revocations: Revocations
  readonly audit: Audit
  readonly log: Logger
}

/** The routes of the HTTP API, with the same grants as the sockets. `shared/openapi.yaml` describes them. */
export function createApi({ testRecalls }: ApiOptions, dependencies: ApiDependencies): Router {
  const {
    authorization,
    authenticateRequest,
    broker,
    door,
    openStream,
    socketsIn,
    turns,
    addressOf,
    revocations,
    audit,
  } = dependencies
  const inTurn = createLargeReads({ authorization, turns })
  const rooms = createRoomHandlers({ authorization, broker, socketsIn, turns, inTurn })
  const revoked = createRevocationHandlers(dependencies)
  const quarantine = createQuarantineHandlers(dependencies)
  const presence = createPresenceHandlers(dependencies)
  const evidence = createEvidenceHandlers(dependencies)
  const stream: RequestHandler = async (request, response) => {
    const { room, since } = parseStream(request)
    await openStream(principalOf(response), { ...room, ...(since && { since }) }, response)
  }
  const router = express.Router()
  router.use(serveStatus({ testRecalls }, dependencies))
  router.use('/v1', takeTurn(turns, addressOf))
  router.get('/v1/sign-in', createSignIn(dependencies.deployment))
  router.use('/v1', requireBearer(authenticateRequest))
  router.get('/v1/position', rooms.position)
  router.get('/v1/notices', rooms.notices)
  router.get('/v1/recalled', rooms.recalled)
  router.get('/v1/stream', stream)
  router.get('/v1/search', requireAdmin, createSearch({ broker, turns, inTurn }))
  router.get('/v1/top', requireAdmin, createTop({ broker, inTurn }))
  router.get('/v1/export', requireAdmin, createExport(dependencies))
  router.get('/v1/audit', requireAdmin, createAuditHandler({ broker }))
  router.get('/v1/delivery', requireAdmin, createDelivery({ authorization, broker }))
  router.get('/v1/evidence', requireAdmin, evidence.evidence)
  router.get('/v1/evidence-key', requireAdmin, evidence.evidenceKey)
  router.get('/v1/user-presence', requireAdmin, presence.user)
  router.get('/v1/room-presence', requireAdmin, presence.room)
  router.get('/v1/quarantine', requireAdmin, quarantine.list)
  router.delete('/v1/quarantine', requireAdmin, quarantine.dropMatching)
  router.post('/v1/quarantine/retry', requireAdmin, quarantine.retryMatching)
  router.get('/v1/quarantine/:id', requireAdmin, quarantine.show)
  router.delete('/v1/quarantine/:id', requireAdmin, quarantine.drop)
  router.post('/v1/quarantine/:id/retry', requireAdmin, quarantine.retry)
  router.get('/v1/revocations', requireAdmin, revoked.list)
  router.delete('/v1/revocations', requireAdmin, revoked.giveBack)
  router.delete('/v1/left-folders', requireAdmin, forgetFolder(dependencies))
  router.post('/v1/disconnect', requireAdmin, createDisconnect({ broker, revocations, audit }))
  if (testRecalls) router.post('/v1/test-recall', requireAdmin, createTestRecall({ broker, door, audit }))
  return router
}
