import type { RequestHandler } from 'express'
import Joi from 'joi'
import type { DisconnectResponse } from '../../shared/http-api.ts'
import { encodeAnnouncement } from '../auth/announcements.ts'
import type { Broker } from '../broker/broker.ts'
import { identifier, UNSET } from '../lib/schema.ts'
import type { Logger } from '../telemetry/logger.ts'
import { principalOf } from './bearer-auth.ts'
import { parseBody, readBody } from './requests.ts'

/** As long as announcements are stored for processes that start later. */
const MAX_REVOCATION_S = 86_400
const DEFAULT_REVOCATION_S = 3_600

interface DisconnectDependencies {
  readonly broker: Pick<Broker, 'announce'>
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
export function createDisconnect({ broker, log }: DisconnectDependencies): RequestHandler[] {
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
