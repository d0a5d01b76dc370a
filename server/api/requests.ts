import express from 'express'
import type { Request, RequestHandler } from 'express'
import Joi from 'joi'
import { GatewayError } from '../../shared/errors.ts'
import { MAX_REQUEST_BYTES, MAX_SEQS } from '../../shared/limits.ts'
import type { Position } from '../../shared/position.ts'
import { conversationOf } from '../../shared/conversation.ts'
import type { Conversation } from '../../shared/conversation.ts'
import type { MessageName } from '../../shared/message.ts'
import type { Room } from '../../shared/room.ts'
import { conversationKeys, keyList, ofMessages, ofOneConversation } from '../lib/conversation-schema.ts'
import { identifier, validate } from '../lib/schema.ts'

export const MAX_NOTICES = 1_000
const DEFAULT_NOTICES = 100

export interface RoomQuery {
  readonly group?: string
  readonly topic?: string
  readonly c2c?: readonly [string, string]
  readonly official?: string
  readonly feed?: 'true'
}

interface NoticesQuery extends RoomQuery {
  readonly since?: string
  readonly before?: number
  readonly receivedSinceMs?: number
  readonly limit: number
}

/** A parameter without a value is as good as none. */
export const roomKeys = {
  ...conversationKeys(),
  feed: Joi.string().valid('true').empty(Joi.valid('', 'false')),
}

/** Digits alone: other ways to write a number, such as `1e2`, are more likely mistakes. */
export const wholeNumber = (min: number, max: number) =>
  Joi.string()
    .empty('')
    .custom((text: string, { error }) => {
      const isInRange = /^\d{1,16}$/.test(text) && Number(text) >= min && Number(text) <= max
      return isInRange ? Number(text) : error('wholeNumber')
    })
    .messages({ wholeNumber: `{{#label}} must be a whole number from ${min} to ${max}` })

/** `<epoch>:<offset>`, as in the `id` of a server-sent event. */
const position = Joi.string()
  .empty('')
  .pattern(/^[\w-]{1,64}:\d{1,15}$/, 'a position, epoch:offset')

const ofRoom = <T>(schema: Joi.ObjectSchema<T>): Joi.ObjectSchema<T> => ofOneConversation(schema, ['feed'])

const roomSchema = ofRoom(Joi.object<RoomQuery>(roomKeys))
/** Replacements of `EventSource` that do not send the header use one of two parameters instead. */
interface StreamQuery extends RoomQuery {
  readonly since?: string
  readonly lastEventId?: string
  readonly 'Last-Event-ID'?: string
}

const streamSchema = ofRoom(
  Joi.object<StreamQuery>({ ...roomKeys, since: position, lastEventId: position, 'Last-Event-ID': position }),
)
const noticesSchema = ofRoom(
  Joi.object<NoticesQuery>({
    ...roomKeys,
    since: position,
    before: wholeNumber(0, Number.MAX_SAFE_INTEGER),
    receivedSinceMs: wholeNumber(0, Number.MAX_SAFE_INTEGER),
    limit: wholeNumber(1, MAX_NOTICES).default(DEFAULT_NOTICES),
  }).oxor('since', 'before', 'receivedSinceMs'),
)
const userInRoomSchema = Joi.object<RoomQuery & { readonly userId: string }>({
  ...roomKeys,
  userId: identifier.empty('').required(),
})
  .oxor('group', 'c2c', 'official', 'feed')
  .with('topic', 'group')
const recallPlaceSchema = ofRoom(
  Joi.object<RoomQuery & { readonly at: string }>({ ...roomKeys, at: position.required() }),
)
interface RecalledQuery extends RoomQuery {
  readonly seqs?: string
  readonly keys?: readonly string[]
}

const recalledSchema = ofMessages(
  Joi.object<RecalledQuery>({
    ...conversationKeys(),
    seqs: Joi.string()
      .empty('')
      .pattern(/^\d{1,16}(-\d{1,16})?(,\d{1,16}(-\d{1,16})?)*$/, 'numbers and ranges, 1,5-9'),
    keys: keyList,
  }),
)

/** `?group=…`, `?group=…&topic=…`, `?c2c=…&c2c=…`, `?official=…` or `?feed=true`. Throws REQUEST_MALFORMED naming the invalid fields, like all functions here. */
export const parseRoom = (request: Request): Room => toRoom(parseQuery(roomSchema, request))

/**
 * A room, and where to resume: the last `id` received, in the header in which a browser repeats it or in the parameter of its
 * replacements, otherwise `since`, which may stay the same in each request of a page.
 */
export function parseStream(request: Request): { readonly room: Room; readonly since?: Position } {
  const { since, lastEventId, 'Last-Event-ID': parameter, ...query } = parseQuery(streamSchema, request)
  // The header is empty until the first event.
  const text = request.get('Last-Event-ID') || (lastEventId ?? parameter ?? since)
  if (text === undefined) return { room: toRoom(query) }
  const { error } = position.validate(text)
  if (error !== undefined) throw malformed('"Last-Event-ID" must be a position, epoch:offset')
  return { room: toRoom(query), since: toPosition(text) }
}

/** A user, and perhaps one room. */
export function parseUserInRoom(request: Request): { readonly userId: string; readonly room?: Room } {
  const { userId, ...query } = parseQuery(userInRoomSchema, request)
  return { userId, ...(Object.keys(query).length > 0 && { room: toRoom(query) }) }
}

/** A room, and the position of one recall in its log. */
export function parseRecallPlace(request: Request): { readonly room: Room; readonly position: Position } {
  const { at, ...query } = parseQuery(recallPlaceSchema, request)
  return { room: toRoom(query), position: toPosition(at) }
}

export function parseNotices(request: Request) {
  const { since, before, receivedSinceMs, limit, ...query } = parseQuery(noticesSchema, request)
  return {
    room: toRoom(query),
    since: since === undefined ? undefined : toPosition(since),
    before,
    receivedSinceMs,
    limit,
  }
}

/** A conversation, and its messages: `seqs=1,5-9` of a group, `keys=…&keys=…` of any other; at most 1,000 in all. */
export function parseRecalled(request: Request): {
  readonly conversation: Conversation
  readonly names: readonly MessageName[]
} {
  const { seqs, keys, ...query } = parseQuery(recalledSchema, request)
  return { conversation: conversationOf(toRoom(query) as Conversation), names: keys ?? toSeqs(seqs ?? '') }
}

function toSeqs(text: string): number[] {
  const seqs: number[] = []
  for (const range of text.split(',')) {
    const [first = 0, last = first] = range.split('-').map(Number)
    if (first < 1 || last < first || !Number.isSafeInteger(last))
      throw malformed(`"seqs" contains an invalid range: ${range}`)
    if (seqs.length + last - first + 1 > MAX_SEQS) throw malformed(`"seqs" contains more than ${MAX_SEQS}`)
    for (let seq = first; seq <= last; seq++) seqs.push(seq)
  }
  return seqs
}

const readBytes = express.raw({ limit: MAX_REQUEST_BYTES, type: () => true })
/** Throws on bytes that are not UTF-8: a replaced character would make one name out of two. Ignores a byte order mark. */
const utf8 = new TextDecoder('utf-8', { fatal: true })

/** Reads the body of a request, whatever its `Content-Type`. */
export const readBody: RequestHandler = (request, response, next) =>
  readBytes(request, response, (cause: unknown) =>
    cause === undefined
      ? next()
      : next(new GatewayError('REQUEST_MALFORMED', 'the body is too large or incomplete', { cause })),
  )

/** Parses the JSON that `readBody` read. The message of REQUEST_MALFORMED names all invalid fields, not the first five. */
export function parseBody<T>(schema: Joi.ObjectSchema<T>, { body }: Request): T {
  return validate(schema, parseJson(body), 'REQUEST_MALFORMED', Infinity)
}

/** Throws REQUEST_MALFORMED naming the invalid fields. */
export function parseQuery<T>(schema: Joi.ObjectSchema<T>, { originalUrl }: Request): T {
  // A value may contain a question mark, so only the first one counts.
  const [, text = ''] = /\?(.*)$/s.exec(originalUrl) ?? []
  const parameters = new URLSearchParams(text)
  const query: Record<string, string | string[]> = Object.fromEntries(
    [...parameters].filter(([name]) => !LISTS.has(name)),
  )
  for (const name of LISTS) {
    const values = parameters.getAll(name)
    parameters.delete(name)
    const given = values.filter((value) => value !== '')
    if (given.length > 0) query[name] = given
  }
  if (Object.keys(query).filter((name) => !LISTS.has(name)).length < parameters.size)
    throw malformed('a parameter appears twice')
  return validate(schema, query, 'REQUEST_MALFORMED')
}

/** Parameters with several values, each written as a parameter of its own. */
const LISTS: ReadonlySet<string> = new Set(['c2c', 'keys'])

/** Takes what `readBody` left, which is no buffer if there was no body. */
function parseJson(body: unknown): unknown {
  const text = decode(Buffer.isBuffer(body) ? body : Buffer.alloc(0))
  try {
    return JSON.parse(text)
  } catch {
    throw malformed('the body is not JSON')
  }
}

function decode(bytes: Buffer): string {
  try {
    return utf8.decode(bytes)
  } catch {
    throw malformed('the body is not UTF-8')
  }
}

export const toRoom = ({ group, topic, c2c, official }: RoomQuery): Room => {
  if (c2c !== undefined) return { c2c }
  if (official !== undefined) return { official }
  if (group === undefined) return { feed: true }
  return topic === undefined ? { group } : { group, topic }
}

function toPosition(text: string): Position {
  const [epoch = '', offset = ''] = text.split(':')
  return { epoch, offset: Number(offset) }
}

const malformed = (detail: string) => new GatewayError('REQUEST_MALFORMED', detail)
