import type { RequestHandler } from 'express'
import Joi from 'joi'
import type { DisconnectResponse } from '../../shared/http-api.ts'
import { encodeAnnouncement, revokedIn } from '../auth/announcements.ts'
import type { Where } from '../auth/announcements.ts'
import type { Revocations } from '../auth/revocations.ts'
import type { Broker } from '../broker/broker.ts'
import { conversationKeys } from '../lib/conversation-schema.ts'
import { identifier, UNSET } from '../lib/schema.ts'
import { CHARGE_OF_ACTS } from './audit.ts'
import type { Audit } from './audit.ts'
import { chargeUser } from './bearer-auth.ts'
import { parseBody, readBody } from './requests.ts'

/** As long as announcements are stored for processes that start later. */
export const MAX_REVOCATION_S = 86_400
const DEFAULT_REVOCATION_S = 3_600

interface DisconnectDependencies {
  readonly broker: Pick<Broker, 'announce'>
  readonly revocations: Pick<Revocations, 'freeEnd'>
  readonly audit: Audit
}

interface DisconnectRequest extends Where {
  readonly userId: string
  readonly forS: number
}

const disconnectSchema = Joi.object<DisconnectRequest>({
  userId: identifier.empty(UNSET).required(),
  ...conversationKeys(),
  forS: Joi.number().integer().min(1).max(MAX_REVOCATION_S).default(DEFAULT_REVOCATION_S).empty(UNSET),
})
  .oxor('group', 'c2c', 'official')
  .with('topic', 'group')
  .required()
  .label('body')

/**
 * `POST /v1/disconnect`: an admin revokes a user's access to a room, or without one disconnects the user, on all nodes and for
 * `forS` seconds. Responds once the revocation is stored; nodes that cannot be reached now apply it when they are back.
 */
export function createDisconnect({ broker, revocations, audit }: DisconnectDependencies): RequestHandler[] {
  const disconnect: RequestHandler = async (request, response) => {
    const { userId, forS, ...where } = parseBody(disconnectSchema, request)
    await chargeUser(response, CHARGE_OF_ACTS)
    const conversation = revokedIn(where)
    const untilMs = revocations.freeEnd(userId, conversation, Date.now() + forS * 1_000)
    const details = { userId, ...conversation, untilMs }
    await audit.during(request, response, { action: 'disconnect', details }, () =>
      broker.announce('revocations', encodeAnnouncement({ kind: 'revoked', ...details })),
    )
    response.json({ ok: true, untilMs } satisfies DisconnectResponse)
  }
  return [readBody, disconnect]
}
