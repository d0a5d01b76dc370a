import type { RequestHandler } from 'express'
import Joi from 'joi'
import { conversationOf } from '../../shared/conversation.ts'
import type { Conversation } from '../../shared/conversation.ts'
import { GatewayError, reasonOf } from '../../shared/errors.ts'
import type {
  AccessReturnedResponse,
  ListedRevocation,
  RevocationsResponse,
} from '../../shared/http-api/revocations.ts'
import { parseRecord } from '../../shared/json.ts'
import { roomName } from '../../shared/room.ts'
import { encodeAnnouncement, MAX_RETURNED, revokedIn } from '../auth/announcements.ts'
import type { Where } from '../auth/announcements.ts'
import type { Revocation, Revocations } from '../auth/revocations.ts'
import type { Broker } from '../broker/broker.ts'
import { conversationKeys } from '../lib/conversation-schema.ts'
import type { RequestTurns } from '../lib/request-turns.ts'
import { identifier, UNSET } from '../lib/schema.ts'
import type { Logger } from '../telemetry/logger.ts'
import { CHARGE_OF_ACTS } from './audit.ts'
import type { Audit } from './audit.ts'
import { chargeUser, principalOf } from './bearer-auth.ts'
import { MAX_REVOCATION_S } from './disconnect.ts'
import { parseQuery } from './requests.ts'

const MAX_LISTED = 1_000
/** Finding out who ordered may read the acts of a day. */
const EXTRA_CHARGE = 10
const RECORDS_PER_READ = 500
/** The audit holds 10,000. */
const MAX_READS = 20

interface RevocationsDependencies {
  readonly broker: Pick<Broker, 'announce' | 'records'>
  readonly revocations: Revocations
  readonly turns: Pick<RequestTurns, 'goOn'>
  readonly audit: Audit
  readonly log: Logger
}

interface ReturnQuery extends Where {
  readonly userId: string
}

const returnSchema = Joi.object<ReturnQuery>({
  userId: identifier.empty(UNSET).required(),
  ...conversationKeys(),
})
  .oxor('group', 'c2c', 'official')
  .with('topic', 'group')

/** Lists who is taken out of what, and gives access back. */
export function createRevocationHandlers({
  broker,
  revocations,
  turns,
  audit,
  log,
}: RevocationsDependencies) {
  function requireKnown(): void {
    if (revocations.isPending)
      throw new GatewayError('BROKER_UNAVAILABLE', 'the orders have not been read yet')
  }

  /** Returns who gave each order, as far as the audit tells. The orders say it not: the last release refuses what it does not know. */
  async function readAdmins(wanted: ReadonlySet<string>): Promise<Map<string, string>> {
    const admins = new Map<string, string>()
    const sinceMs = Date.now() - MAX_REVOCATION_S * 1_000
    let before: string | undefined
    for (let reads = 0; reads < MAX_READS && admins.size < wanted.size; reads++) {
      await turns.goOn()
      const { records } = await broker.records('audit', { before, limit: RECORDS_PER_READ })
      for (const { text } of records) noteAdmin(text, wanted, admins)
      const last = records.at(-1)
      if (records.length < RECORDS_PER_READ || last === undefined || last.atMs < sinceMs) break
      before = last.id
    }
    return admins
  }

  /** `GET /v1/revocations`. */
  const list: RequestHandler = async (_request, response) => {
    await chargeUser(response, EXTRA_CHARGE)
    requireKnown()
    const all = revocations.list(Date.now())
    const listed = all.slice(0, MAX_LISTED)
    // Who is taken out is known in an outage too, and must be seen.
    const admins = await readAdmins(new Set(listed.map(nameOfOrder))).catch((error: unknown) => {
      log.warn({ reason: reasonOf(error) }, 'the audit does not tell who revoked access')
      return new Map<string, string>()
    })
    response.json({
      ok: true,
      revocations: listed.map((revocation) => toListed(revocation, admins.get(nameOfOrder(revocation)))),
      ...(all.length > listed.length && { omitted: all.length - listed.length }),
    } satisfies RevocationsResponse)
  }

  /** `DELETE /v1/revocations`: ends the orders about a user and exactly this conversation, or without one about everything. */
  const giveBack: RequestHandler = async (request, response) => {
    const { userId, ...where } = parseQuery(returnSchema, request)
    // Otherwise an order about an admin would bind only as long as that admin agrees.
    if (userId === principalOf(response).id)
      throw new GatewayError('ADMIN_NEEDED', 'another admin must give access back to an admin')
    await chargeUser(response, CHARGE_OF_ACTS)
    requireKnown()
    const conversation = revokedIn(where)
    const ends = revocations.ends(userId, conversation, Date.now()).slice(0, MAX_RETURNED)
    if (ends.length > 0) {
      const details = { userId, ...conversation, orders: ends.length }
      await audit.during(request, response, { action: 'access returned', details }, () =>
        broker.announce(
          'revocations',
          encodeAnnouncement({ kind: 'returned', userId, ...conversation, ends }),
        ),
      )
    }
    response.json({ ok: true, returned: ends.length } satisfies AccessReturnedResponse)
  }

  return { list, giveBack }
}

/** What tells an order from all others. */
const nameOfOrder = ({ userId, room, untilMs }: Pick<Revocation, 'userId' | 'room' | 'untilMs'>): string =>
  `${room === undefined ? '' : roomName(room)} ${untilMs} ${userId}`

function toListed({ userId, room, untilMs, atMs }: Revocation, admin: string | undefined): ListedRevocation {
  return {
    userId,
    ...(room !== undefined && room.feed === undefined && { conversation: conversationOf(room) }),
    untilMs,
    atMs,
    ...(admin !== undefined && { admin }),
  }
}

type Order = Where & { readonly userId: string; readonly untilMs: number }

interface DisconnectRecord {
  readonly admin: string
  readonly action: string
  /** Of one act, or of several that were recorded together. */
  readonly details: Order | { readonly each: readonly Order[] }
}

const orderSchema = Joi.object<Order>({
  userId: identifier.required(),
  ...conversationKeys(),
  untilMs: Joi.number().required(),
})
  .oxor('group', 'c2c', 'official')
  .with('topic', 'group')

const recordSchema = Joi.object<DisconnectRecord>({
  admin: Joi.string().required(),
  action: Joi.valid('disconnect').required(),
  details: Joi.alternatives(orderSchema, Joi.object({ each: Joi.array().items(orderSchema) })).required(),
}).required()

function noteAdmin(text: string, wanted: ReadonlySet<string>, admins: Map<string, string>): void {
  // Most acts are others: thousands may be read for one answer.
  if (!text.includes('"disconnect"')) return
  const { value, error } = recordSchema.validate(parseRecord(text), { stripUnknown: true })
  if (error !== undefined) return
  const { admin, details } = value
  for (const { userId, untilMs, ...where } of 'each' in details ? details.each : [details]) {
    const room: Conversation | undefined = revokedIn(where)
    const name = nameOfOrder({ userId, untilMs, ...(room && { room }) })
    if (wanted.has(name)) admins.set(name, admin)
  }
}
