import Joi from 'joi'
import { GatewayError } from '../../../shared/errors.ts'
import type { RoomOnNode, UserOnNode } from '../../../shared/http-api/presence.ts'
import { isPosition } from '../../../shared/position.ts'
import type { Room } from '../../../shared/room.ts'
import { conversationKeys, ofOneConversation } from '../../lib/conversation-schema.ts'
import { identifier } from '../../lib/schema.ts'
import { MAX_CONNECTIONS, MAX_ROOMS, MAX_USERS } from './own-presence.ts'

/** What is asked of a node, as JSON. */
export type Question =
  /** With `room`, of the rooms of a connection only that one is listed. */
  | { readonly ask: 'user'; readonly userId: string; readonly room?: Room | undefined }
  | { readonly ask: 'room'; readonly room: Room }

/** The answer to each question. */
export interface Answers {
  user: UserOnNode
  room: RoomOnNode
}

const count = Joi.number().integer().min(0).required()
const host = Joi.string().allow('').max(64).required()
const room = ofOneConversation(Joi.object({ ...conversationKeys(), feed: Joi.valid(true) }), ['feed'])
const position = Joi.custom((value: unknown, { error }) => (isPosition(value) ? value : error('any.invalid')))

const question = Joi.object<Question>({
  ask: Joi.valid('user', 'room').required(),
  userId: identifier.when('ask', { is: 'user', then: Joi.required() }),
  room: room.when('ask', { is: 'room', then: Joi.required() }),
}).required()

const connection = Joi.object({
  transport: Joi.valid('websocket', 'stream').required(),
  protocolVersion: Joi.number().integer().min(1),
  role: Joi.valid('admin', 'member').required(),
  connectedAtMs: Joi.number().required(),
  expiresAtMs: Joi.number().required(),
  waitingBytes: count,
  rooms: Joi.array()
    .items(Joi.object({ room: room.required(), untilMs: Joi.number().required(), position }))
    .max(MAX_ROOMS)
    .required(),
  moreRooms: count,
})

const answers = {
  user: Joi.object<UserOnNode>({
    host,
    connections: Joi.array().items(connection).max(MAX_CONNECTIONS).required(),
    moreConnections: count,
  }).required(),
  room: Joi.object<RoomOnNode>({
    host,
    connections: count,
    joining: count,
    position,
    users: Joi.array()
      .items(Joi.object({ userId: identifier.required(), connections: count }))
      .max(MAX_USERS)
      .required(),
    moreUsers: count,
  }).required(),
}

const OPTIONS = { stripUnknown: true, convert: false } as const

/** Throws REQUEST_MALFORMED for what no node asks. */
export function decodeQuestion(text: string): Question {
  return decode<Question>(question, text, new GatewayError('REQUEST_MALFORMED'))
}

/** Throws PROCESS_UNREACHABLE for what no node answers. What a later version adds is ignored. */
export function decodeAnswer<Ask extends Question['ask']>(ask: Ask, text: string): Answers[Ask] {
  return decode(answers[ask], text, new GatewayError('PROCESS_UNREACHABLE', 'its answer makes no sense'))
}

function decode<T>(schema: Joi.Schema, text: string, otherwise: GatewayError): T {
  try {
    return Joi.attempt(JSON.parse(text), schema, OPTIONS) as T
  } catch {
    throw otherwise
  }
}
