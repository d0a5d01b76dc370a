import express from 'express'
import type { RequestHandler } from 'express'
import Joi from 'joi'
import { GatewayError } from '../../shared/errors.ts'
import { encodeAnnouncement } from '../announcement.ts'
import type { Broker } from '../broker/broker.ts'
import { identifier } from '../identifier-schema.ts'
import type { Logger } from '../ops/logger.ts'
import { principalOf } from './who.ts'

const BODY_AT_MOST_BYTES = 4_096
/** As long as announcements are kept for processes that start later. */
const FOR_AT_MOST_S = 86_400
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
  forS: Joi.number().integer().min(1).max(FOR_AT_MOST_S).default(FOR_DEFAULT_S),
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
    const { userId, group, topic, forS } = checkOrder(request.body)
    const untilMs = Date.now() + forS * 1_000
    const conversation = { ...(group !== undefined && { group }), ...(topic !== undefined && { topic }) }
    await broker.announce(
      'revocations',
      encodeAnnouncement({ kind: 'revoked', userId, ...conversation, untilMs }),
    )
    log.info({ admin: principalOf(response).id, userId, ...conversation, forS }, 'user disconnected')
    response.json({ ok: true, untilMs })
  }
  return [readBody, disconnect]
}

const readText = express.text({ limit: BODY_AT_MOST_BYTES, type: () => true })
const readBody: RequestHandler = (request, response, next) =>
  readText(request, response, (cause: unknown) =>
    cause === undefined
      ? next()
      : next(new GatewayError('REQUEST_MALFORMED', 'the body is too large or not whole', { cause })),
  )

function checkOrder(body: unknown): Order {
  const { value, error } = orderSchema.validate(parse(body), { abortEarly: false })
  if (error === undefined) return value
  throw new GatewayError('REQUEST_MALFORMED', error.details.map(({ message }) => message).join('; '))
}

function parse(body: unknown): unknown {
  try {
    return JSON.parse(String(body))
  } catch {
    throw new GatewayError('REQUEST_MALFORMED', 'the body is not JSON')
  }
}
