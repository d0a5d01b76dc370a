import type { Request, RequestHandler } from 'express'
import Joi from 'joi'
import { GatewayError } from '../../shared/errors.ts'
import type { Position } from '../../shared/position.ts'
import type { Conversation } from '../../shared/recall.ts'
import type { Room } from '../../shared/room.ts'
import { identifier, validate } from '../lib/schema.ts'
import express from 'express'
import type { ObjectSchema } from 'joi'

const MAX_SEQS = 1_000
const MAX_NOTICES = 1_000
const NOTICES_DEFAULT = 100

const room = { group: identifier, topic: identifier, feed: Joi.string().valid('true') }
const wholeNumber = Joi.number().integer().min(0)
/** `<epoch>:<offset>`, as in the `id` of a server-sent event. */
const position = Joi.string().pattern(/^[\w-]{1,64}:\d{1,15}$/, 'a position, epoch:offset')

const roomSchema = Joi.object<RoomQuery>({ ...room })
const streamSchema = Joi.object<RoomQuery & { since?: string }>({ ...room, since: position })
const noticesSchema = Joi.object<NoticesQuery>({
  ...room,
  since: position,
  before: wholeNumber,
  receivedSinceMs: wholeNumber,
  limit: wholeNumber.min(1).max(MAX_NOTICES).default(NOTICES_DEFAULT),
}).oxor('since', 'before', 'receivedSinceMs')
const recalledSchema = Joi.object<Conversation & { seqs: string }>({
  group: identifier.required(),
  topic: identifier,
  seqs: Joi.string()
    .pattern(/^\d{1,16}(-\d{1,16})?(,\d{1,16}(-\d{1,16})?)*$/, 'numbers and ranges, 1,5-9')
    .required(),
})

interface RoomQuery {
  readonly group?: string
  readonly topic?: string
  readonly feed?: 'true'
}

interface NoticesQuery extends RoomQuery {
  readonly since?: string
  readonly before?: number
  readonly receivedSinceMs?: number
  readonly limit: number
}

/** `?group=…`, `?group=…&topic=…` or `?feed=true`. Throws REQUEST_MALFORMED naming what is wrong, like all here. */
export const readRoom = (request: Request): Room => toRoom(check(ofRoom(roomSchema), request))

/** A room, and where to go on: `since`, or the header in which a browser repeats the last `id` that it got. */
export function readStream(request: Request): { readonly room: Room; readonly since?: Position } {
  const { since, ...query } = check(ofRoom(streamSchema), request)
  // An empty one says that no event has come yet.
  const text = request.get('Last-Event-ID') || since
  if (text === undefined) return { room: toRoom(query) }
  const { error } = position.validate(text)
  if (error !== undefined) throw malformed('"Last-Event-ID" must be a position, epoch:offset')
  return { room: toRoom(query), since: toPosition(text) }
}

export function readNotices(request: Request) {
  const { since, before, receivedSinceMs, limit, ...query } = check(ofRoom(noticesSchema), request)
  return {
    room: toRoom(query),
    since: since === undefined ? undefined : toPosition(since),
    before,
    receivedSinceMs,
    limit,
  }
}

/** A conversation, and `seqs=1,5-9`: at most 1,000 in all. */
export function readRecalled(request: Request): Conversation & { readonly seqs: readonly number[] } {
  const { seqs: text, ...conversation } = check(recalledSchema, request)
  const seqs: number[] = []
  for (const range of text.split(',')) {
    const [first = 0, last = first] = range.split('-').map(Number)
    if (first < 1 || last < first || !Number.isSafeInteger(last))
      throw malformed(`"seqs" holds no range ${range}`)
    if (seqs.length + last - first + 1 > MAX_SEQS) throw malformed(`"seqs" holds more than ${MAX_SEQS}`)
    for (let seq = first; seq <= last; seq++) seqs.push(seq)
  }
  return { ...conversation, seqs }
}

const ofRoom = <T>(schema: Joi.ObjectSchema<T>): Joi.ObjectSchema<T> =>
  schema.xor('group', 'feed').with('topic', 'group')

const toRoom = ({ group, topic }: RoomQuery): Room => {
  if (group === undefined) return { feed: true }
  return topic === undefined ? { group } : { group, topic }
}

function toPosition(text: string): Position {
  const [epoch = '', offset = ''] = text.split(':')
  return { epoch, offset: Number(offset) }
}

function check<T>(schema: Joi.ObjectSchema<T>, request: Request): T {
  // A name may hold a question mark.
  const [, text = ''] = /\?(.*)$/s.exec(request.originalUrl) ?? []
  const parameters = new URLSearchParams(text)
  const query = Object.fromEntries(parameters)
  if (Object.keys(query).length < parameters.size) throw malformed('a parameter is there twice')
  return validate(schema, query, 'REQUEST_MALFORMED')
}

const malformed = (why: string) => new GatewayError('REQUEST_MALFORMED', why)

const MAX_BODY_BYTES = 16 * 1024

const readText = express.text({ limit: MAX_BODY_BYTES, type: () => true })

/** Reads the body of a request, whatever it says that it is. */
export const readBody: RequestHandler = (request, response, next) =>
  readText(request, response, (cause: unknown) =>
    cause === undefined
      ? next()
      : next(new GatewayError('REQUEST_MALFORMED', 'the body is too large or not whole', { cause })),
  )

/** What the body says. Throws REQUEST_MALFORMED naming every wrong field. */
export function checkBody<T>(schema: ObjectSchema<T>, { body }: Request): T {
  return validate(schema, parse(body), 'REQUEST_MALFORMED', Infinity)
}

function parse(body: unknown): unknown {
  try {
    return JSON.parse(String(body))
  } catch {
    throw new GatewayError('REQUEST_MALFORMED', 'the body is not JSON')
  }
}
