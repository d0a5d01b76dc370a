import type { RequestHandler } from 'express'
import Joi from 'joi'
import { encodeAnnouncement } from '../auth/announcements.ts'
import type { Broker } from '../broker/broker.ts'
import { identifier } from '../lib/schema.ts'
import type { Logger } from '../telemetry/logger.ts'
import { checkBody, readBody } from './requests.ts'
import { principalOf } from './bearer-auth.ts'
import type { DisconnectResponse, TestRecallResponse } from '../../shared/http-api.ts'
import { GatewayError } from '../../shared/errors.ts'

/** As long as announcements are kept for processes that start later. */
const MAX_REVOCATION_S = 86_400
const FOR_DEFAULT_S = 3_600

interface DisconnectDependencies {
  readonly broker: Pick<Broker, 'announce'>
  readonly log: Logger
}

interface Order {
  readonly userId: string
  readonly group?: string
  readonly topic?: string
  readonly forS: number
}

const orderSchema = Joi.object<Order>({
  userId: identifier.required(),
  group: identifier,
  topic: identifier,
  forS: Joi.number().integer().min(1).max(MAX_REVOCATION_S).default(FOR_DEFAULT_S),
})
  .with('topic', 'group')
  .required()
  .label('body')

/**
 * `POST /v1/disconnect`: an admin takes a room from a user, or without one disconnects the user, on all nodes and for a
 * while. Answered once every node that is reachable knows, or will.
 */
export function createDisconnect({ broker, log }: DisconnectDependencies): RequestHandler[] {
  const disconnect: RequestHandler = async (request, response) => {
    const { userId, group, topic, forS } = checkBody(orderSchema, request)
    const untilMs = Date.now() + forS * 1_000
    const conversation = { ...(group !== undefined && { group }), ...(topic !== undefined && { topic }) }
    await broker.announce(
      'revocations',
      encodeAnnouncement({ kind: 'revoked', userId, ...conversation, untilMs }),
    )
    log.info({ admin: principalOf(response).id, userId, ...conversation, forS }, 'user disconnected')
    response.json({ ok: true, untilMs } satisfies DisconnectResponse)
  }
  return [readBody, disconnect]
}

const PUBLISH_TIMEOUT_MS = 1_700

interface TestRecall {
  readonly group: string
  readonly topic?: string
  readonly seqs: readonly number[]
}

const schema = Joi.object<TestRecall>({
  group: identifier.required(),
  topic: identifier,
  seqs: Joi.array().items(Joi.number().strict().integer().min(1)).min(1).max(1_000).unique().required(),
})
  .required()
  .label('body')

interface TestRecallDependencies {
  readonly broker: Pick<Broker, 'publish'>
  readonly log: Logger
}

/** `POST /v1/test-recall`: an admin tries whether recalls arrive. It is one: sockets cannot tell it from another. */
export function createTestRecall({ broker, log }: TestRecallDependencies): RequestHandler[] {
  const recall: RequestHandler = async (request, response) => {
    const { seqs, ...conversation } = checkBody(schema, request)
    const nowMs = Date.now()
    const { id: operator } = principalOf(response)
    const messages = seqs.map((seq) => ({ seq }))
    const made = { ...conversation, messages, operator, recalledAtMs: nowMs, receivedAtMs: nowMs }
    const { positions } = await broker.publish(made, PUBLISH_TIMEOUT_MS).catch((cause: unknown) => {
      throw new GatewayError('BROKER_UNAVAILABLE', undefined, { cause })
    })
    log.info({ admin: operator, ...conversation, messages: seqs.length }, 'test recall made')
    response.json({ ok: true, positions } satisfies TestRecallResponse)
  }
  return [readBody, recall]
}
