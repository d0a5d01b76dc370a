import Joi from 'joi'
import { isIdentifier } from '../../../shared/identifier.ts'
import { isRecord } from '../../../shared/json.ts'
import { MAX_SEQS } from '../../../shared/limits.ts'
import { isPosition, MAX_EPOCH_LENGTH } from '../../../shared/position.ts'
import type { RecalledRequest, SubscribeRequest } from '../../../shared/protocol.ts'
import type { Room } from '../../../shared/room.ts'
import { identifier, UNSET, validate } from '../../lib/schema.ts'

const roomKeys = {
  group: identifier.empty(UNSET),
  topic: identifier.empty(UNSET),
  feed: Joi.valid(true).empty(Joi.valid(null, '', false)),
}

/** The zero value of a position in typed languages is none. */
const noPosition = Joi.alternatives(UNSET, Joi.object({ epoch: UNSET, offset: Joi.valid(null, '', 0) }))

const sinceSchema = Joi.object({
  epoch: Joi.string().min(1).max(MAX_EPOCH_LENGTH).required(),
  offset: Joi.number().strict().integer().min(0).required(),
}).empty(noPosition)

// Unknown keys are refused: a misspelt `topic` would otherwise subscribe to the whole group.
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

const recalledSchema = Joi.object<RecalledRequest>({
  group: identifier.empty(UNSET).required(),
  topic: identifier.empty(UNSET),
  seqs: Joi.array().items(Joi.number().strict().integer().min(1)).min(1).max(MAX_SEQS).required(),
})
  .required()
  .label('request')

/** Parses a `subscribe` request. Throws REQUEST_MALFORMED, which names every invalid field. */
export const parseSubscribe = (payload: unknown): SubscribeRequest =>
  isPlainSubscribe(payload) ? payload : validate(subscribeSchema, payload, 'REQUEST_MALFORMED')

/** Parses an `unsubscribe` request. Throws REQUEST_MALFORMED, which names every invalid field. */
export const parseRoom = (payload: unknown): Room => validate(roomSchema, payload, 'REQUEST_MALFORMED')

/** Parses a `recalled` request. Throws REQUEST_MALFORMED, which names every invalid field. */
export const parseRecalled = (payload: unknown): RecalledRequest =>
  isPlainRecalled(payload) ? payload : validate(recalledSchema, payload, 'REQUEST_MALFORMED')

/** As many seqs of a `recalled`, or keys of an object, count as one more request: they cost as much. */
const PIECES_PER_REQUEST = 50

/** Returns as how many requests a payload counts that nobody has looked at yet. */
export function costOf(payload: unknown): number {
  if (!isRecord(payload)) return 1
  const { seqs, since } = payload
  const pieces = [Object.keys(payload), seqs, isRecord(since) ? Object.keys(since) : undefined]
  const costs = pieces.map((piece) =>
    Array.isArray(piece) ? Math.floor(piece.length / PIECES_PER_REQUEST) : 0,
  )
  return costs.reduce((sum, cost) => sum + cost, 1)
}

/**
 * Returns whether a payload is a valid subscribe to a conversation in its plainest form, as nearly all are. The fast path:
 * when all sockets of a lost node reconnect, schema validation is a large part of their cost. Any other payload goes
 * through the schema, which decides whether it is valid and names what is not.
 */
export function isPlainSubscribe(payload: unknown): payload is SubscribeRequest {
  if (!isRecord(payload) || !hasOnly(payload, ['group', 'topic', 'since'])) return false
  const { group, topic, since } = payload
  return (
    isText(group) && (topic === undefined || isText(topic)) && (since === undefined || isPlainPosition(since))
  )
}

/** The fast path of `recalled`: to validate each of 1,000 seqs by the schema takes a millisecond. */
export function isPlainRecalled(payload: unknown): payload is RecalledRequest {
  if (!isRecord(payload) || !hasOnly(payload, ['group', 'topic', 'seqs'])) return false
  const { group, topic, seqs } = payload
  return isText(group) && (topic === undefined || isText(topic)) && isPlainSeqs(seqs)
}

const isPlainSeqs = (value: unknown): boolean =>
  Array.isArray(value) &&
  value.length > 0 &&
  value.length <= MAX_SEQS &&
  value.every((seq) => Number.isSafeInteger(seq) && seq >= 1)

const isPlainPosition = (value: unknown): boolean =>
  isRecord(value) && hasOnly(value, ['epoch', 'offset']) && isPosition(value)

const isText = (value: unknown): boolean => typeof value === 'string' && isIdentifier(value)

const hasOnly = (value: object, names: readonly string[]): boolean =>
  Object.keys(value).every((name) => names.includes(name))
