import Joi from 'joi'
import { isIdentifier } from '../../../shared/identifier.ts'
import { isRecord } from '../../../shared/json.ts'
import { MAX_SEQS } from '../../../shared/limits.ts'
import { isPosition, MAX_EPOCH_LENGTH } from '../../../shared/position.ts'
import type { RecalledRequest, SubscribeRequest } from '../../../shared/protocol.ts'
import type { Room } from '../../../shared/room.ts'
import {
  conversationKeys,
  keyList,
  ofMessages,
  ofOneConversation,
  seqList,
} from '../../lib/conversation-schema.ts'
import { UNSET, validate } from '../../lib/schema.ts'

const roomKeys = {
  ...conversationKeys(),
  feed: Joi.valid(true).empty(Joi.valid(null, '', false)),
}

/** The zero value of a position in typed languages is none. */
const noPosition = Joi.alternatives(UNSET, Joi.object({ epoch: UNSET, offset: Joi.valid(null, '', 0) }))

const sinceSchema = Joi.object({
  epoch: Joi.string().min(1).max(MAX_EPOCH_LENGTH).required(),
  offset: Joi.number().strict().integer().min(0).required(),
}).empty(noPosition)

// Unknown keys are refused: a misspelt `topic` would otherwise subscribe to the whole group.
const roomSchema = ofOneConversation(Joi.object<Room>(roomKeys), ['feed']).required().label('room')

const subscribeSchema = ofOneConversation(Joi.object<SubscribeRequest>({ ...roomKeys, since: sinceSchema }), [
  'feed',
])
  .required()
  .label('request')

const recalledSchema = ofMessages(
  Joi.object<RecalledRequest>({
    ...conversationKeys(),
    seqs: seqList.empty(null),
    keys: keyList.empty(null),
  }),
)
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

/** As many messages of a `recalled`, or keys of an object, count as one more request: they cost as much. */
const PIECES_PER_REQUEST = 50

/** Returns as how many requests a payload counts that nobody has looked at yet. */
export function costOf(payload: unknown): number {
  if (!isRecord(payload)) return 1
  const { seqs, keys, since } = payload
  const pieces = [Object.keys(payload), seqs, keys, isRecord(since) ? Object.keys(since) : undefined]
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
  if (!isRecord(payload) || !hasOnly(payload, [...CONVERSATION, 'since'])) return false
  const { since } = payload
  return isPlainConversation(payload) && (since === undefined || isPlainPosition(since))
}

/** The fast path of `recalled`: to validate each of 1,000 messages by the schema takes a millisecond. */
export function isPlainRecalled(payload: unknown): payload is RecalledRequest {
  if (!isRecord(payload) || !isPlainConversation(payload)) return false
  const { group, seqs, keys } = payload
  if (group === undefined) return hasOnly(payload, ['c2c', 'official', 'keys']) && isPlainKeys(keys)
  return hasOnly(payload, ['group', 'topic', 'seqs']) && isPlainSeqs(seqs)
}

const CONVERSATION = ['group', 'topic', 'c2c', 'official']

/** A pair that is sorted already, as clients that follow what a node tells them name it. */
function isPlainConversation({ group, topic, c2c, official }: Record<string, unknown>): boolean {
  if (c2c === undefined && official === undefined)
    return isText(group) && (topic === undefined || isText(topic))
  if (group !== undefined || topic !== undefined) return false
  return c2c === undefined ? isText(official) : official === undefined && isPlainPair(c2c)
}

const isPlainPair = (value: unknown): boolean =>
  Array.isArray(value) && value.length === 2 && value.every(isText) && value[0] <= value[1]

const isPlainKeys = (value: unknown): boolean =>
  Array.isArray(value) && value.length > 0 && value.length <= MAX_SEQS && value.every(isText)

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
