import Joi from 'joi'
import { GatewayError } from '../../../shared/errors.ts'
import type { RecalledAsk, SubscribeAsk } from '../../../shared/protocol.ts'
import type { Room } from '../../../shared/room.ts'
import { identifier } from '../../lib/schema.ts'
import { isPlainAsk } from './plain-ask.ts'

const roomKeys = {
  group: identifier,
  topic: identifier,
  feed: Joi.valid(true),
}

const since = Joi.object({
  epoch: Joi.string().min(1).max(64).required(),
  offset: Joi.number().strict().integer().min(0).required(),
})

// A key that is not known is refused: a misspelt `topic` would otherwise subscribe to the whole group.
const roomSchema = Joi.object<Room>(roomKeys)
  .xor('group', 'feed')
  .with('topic', 'group')
  .required()
  .label('room')
const subscribeSchema = Joi.object<SubscribeAsk>({ ...roomKeys, since })
  .xor('group', 'feed')
  .with('topic', 'group')
  .required()
  .label('request')

const SEQS_AT_MOST = 1_000

const recalledSchema = Joi.object<RecalledAsk>({
  group: identifier.required(),
  topic: identifier,
  seqs: Joi.array().items(Joi.number().strict().integer().min(1)).min(1).max(SEQS_AT_MOST).required(),
})
  .required()
  .label('request')

/** What a socket asked for in `recalled`. Throws REQUEST_MALFORMED naming every wrong field. */
export const checkRecalled = (payload: unknown): RecalledAsk => check(recalledSchema, payload)

/** What a socket asked for in `subscribe`. Throws REQUEST_MALFORMED naming every wrong field. */
export const checkSubscribe = (payload: unknown): SubscribeAsk =>
  isPlainAsk(payload) ? payload : check(subscribeSchema, payload)

/** The room that a socket named. Throws REQUEST_MALFORMED naming every wrong field. */
export const checkRoom = (payload: unknown): Room => check(roomSchema, payload)

function check<T>(schema: Joi.ObjectSchema<T>, payload: unknown): T {
  const { value, error } = schema.validate(payload, { abortEarly: false })
  if (error !== undefined) {
    throw new GatewayError(
      'REQUEST_MALFORMED',
      error.details
        .slice(0, 5)
        .map((detail) => detail.message)
        .join('; '),
    )
  }
  return value
}
