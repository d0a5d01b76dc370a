import type { RequestHandler } from 'express'
import Joi from 'joi'
import { GatewayError } from '../../shared/errors.ts'
import { MAX_SEQS } from '../../shared/limits.ts'
import type { DisconnectResponse, TestRecallResponse } from '../../shared/http-api.ts'
import { encodeAnnouncement } from '../auth/announcements.ts'
import type { Broker } from '../broker/broker.ts'
import { identifier, UNSET } from '../lib/schema.ts'
import type { Logger } from '../telemetry/logger.ts'
import { principalOf } from './bearer-auth.ts'
import { parseBody, readBody } from './requests.ts'

/** As long as announcements are stored for processes that start later. */
const MAX_REVOCATION_S = 86_400
const DEFAULT_REVOCATION_S = 3_600
const PUBLISH_TIMEOUT_MS = 1_700

interface AdminDependencies<Method extends keyof Broker> {
  readonly broker: Pick<Broker, Method>
  readonly log: Logger
}

interface DisconnectRequest {
  readonly userId: string
  readonly group?: string
  readonly topic?: string
  readonly forS: number
}

const disconnectSchema = Joi.object<DisconnectRequest>({
  userId: identifier.empty(UNSET).required(),
  group: identifier.empty(UNSET),
  topic: identifier.empty(UNSET),
  forS: Joi.number().integer().min(1).max(MAX_REVOCATION_S).default(DEFAULT_REVOCATION_S).empty(UNSET),
})
  .with('topic', 'group')
  .required()
  .label('body')

/**
 * `POST /v1/disconnect`: an admin revokes a user's access to a room, or without one disconnects the user, on all nodes and for
 * `forS` seconds. Responds once the revocation is stored; nodes that cannot be reached now apply it when they are back.
 */
export function createDisconnect({ broker, log }: AdminDependencies<'announce'>): RequestHandler[] {
  const disconnect: RequestHandler = async (request, response) => {
    const { userId, group, topic, forS } = parseBody(disconnectSchema, request)
    const untilMs = Date.now() + forS * 1_000
    const conversation = { ...(group !== undefined && { group }), ...(topic !== undefined && { topic }) }
    await broker.announce(
      'revocations',
      encodeAnnouncement({ kind: 'revoked', userId, ...conversation, untilMs }),
    )
    log.info({ admin: principalOf(response).id, userId, ...conversation, forS }, 'access revoked')
    response.json({ ok: true, untilMs } satisfies DisconnectResponse)
  }
  return [readBody, disconnect]
}

interface TestRecallRequest {
  readonly group: string
  readonly topic?: string
  readonly seqs: readonly number[]
}

const testRecallSchema = Joi.object<TestRecallRequest>({
  group: identifier.empty(UNSET).required(),
  topic: identifier.empty(UNSET),
  seqs: Joi.array().items(Joi.number().strict().integer().min(1)).min(1).max(MAX_SEQS).unique().required(),
})
  .required()
  .label('body')

/** `POST /v1/test-recall`: an admin checks delivery. Sockets cannot distinguish a test recall from a real one. */
export function createTestRecall({ broker, log }: AdminDependencies<'publish'>): RequestHandler[] {
  const testRecall: RequestHandler = async (request, response) => {
    const { seqs, ...conversation } = parseBody(testRecallSchema, request)
    const nowMs = Date.now()
    const { id: operator } = principalOf(response)
    const messages = seqs.map((seq) => ({ seq }))
    const recall = { ...conversation, messages, operator, recalledAtMs: nowMs, receivedAtMs: nowMs }
    const { positions } = await broker.publish(recall, PUBLISH_TIMEOUT_MS).catch((cause: unknown) => {
      throw new GatewayError('BROKER_UNAVAILABLE', undefined, { cause })
    })
    log.info({ admin: operator, ...conversation, messages: seqs.length }, 'test recall sent')
    response.json({ ok: true, positions, throughReceiver: false } satisfies TestRecallResponse)
  }
  return [readBody, testRecall]
}
