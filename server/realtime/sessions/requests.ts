import Joi from 'joi'
import { GatewayError } from '../../../shared/errors.ts'
import { isRecord } from '../../../shared/json.ts'
import type { RecalledRequest, SubscribeRequest } from '../../../shared/protocol.ts'
import type { Room } from '../../../shared/room.ts'
import { identifier } from '../../lib/schema.ts'
import { isIdentifier } from '../../../shared/identifier.ts'
import type { Position } from '../../../shared/position.ts'

const roomKeys = {
  group: identifier,
  topic: identifier,
  feed: Joi.valid(true),
}

const sinceSchema = Joi.object({
  epoch: Joi.string().min(1).max(64).required(),
  offset: Joi.number().strict().integer().min(0).required(),
})

// A key that is not known is refused: a misspelt `topic` would otherwise subscribe to the whole group.
const roomSchema = Joi.object<Room>(roomKeys)
  .xor('group', 'feed')
  .with('topic', 'group')
  .required()
  .label('room')
const subscribeSchema = Joi.object<SubscribeRequest>({ ...roomKeys, since: sinceSchema })
  .xor('group', 'feed')
  .with('topic', 'group')
  .required()
  .label('request')

const MAX_SEQS = 1_000

const recalledSchema = Joi.object<RecalledRequest>({
  group: identifier.required(),
  topic: identifier,
  seqs: Joi.array().items(Joi.number().strict().integer().min(1)).min(1).max(MAX_SEQS).required(),
})
  .required()
  .label('request')

/** What a socket asked for in `recalled`. Throws REQUEST_MALFORMED naming every wrong field. */
export const parseRecalled = (payload: unknown): RecalledRequest => check(recalledSchema, payload)

/** What a socket asked for in `subscribe`. Throws REQUEST_MALFORMED naming every wrong field. */
export const parseSubscribe = (payload: unknown): SubscribeRequest =>
  isPlainSubscribe(payload) ? payload : check(subscribeSchema, payload)

/** The room that a socket named. Throws REQUEST_MALFORMED naming every wrong field. */
export const parseRoom = (payload: unknown): Room => check(roomSchema, payload)

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

const MAX_EPOCH_LENGTH = 64

/**
 * Whether a payload asks for a conversation in a form that is right beyond doubt, as nearly all do: when all sockets of a
 * lost node come at once, the check of the schema is a large part of what they cost. For any other payload the schema says
 * what it is, and what is wrong with it.
 */
export function isPlainSubscribe(payload: unknown): payload is SubscribeRequest {
  if (!isRecord(payload) || !hasOnly(payload, ['group', 'topic', 'since'])) return false
  const { group, topic, since } = payload
  return isText(group) && (topic === undefined || isText(topic)) && (since === undefined || isPosition(since))
}

function isPosition(value: unknown): value is Position {
  if (!isRecord(value) || !hasOnly(value, ['epoch', 'offset'])) return false
  const { epoch, offset } = value
  return (
    typeof epoch === 'string' &&
    epoch !== '' &&
    epoch.length <= MAX_EPOCH_LENGTH &&
    typeof offset === 'number' &&
    Number.isSafeInteger(offset) &&
    offset >= 0
  )
}

const isText = (value: unknown): boolean => typeof value === 'string' && isIdentifier(value)

const hasOnly = (value: object, names: readonly string[]): boolean =>
  Object.keys(value).every((name) => names.includes(name))
