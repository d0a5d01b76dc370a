import type { Request } from 'express'
import Joi from 'joi'
import type { Filter } from '../../shared/filter.ts'
import { parseInstant } from '../../shared/instant.ts'
import type { Room } from '../../shared/room.ts'
import { toFilter } from './filter-query.ts'
import { parseQuery, roomKeys, toRoom } from './requests.ts'
import type { RoomQuery } from './requests.ts'

interface EvidenceQuery extends RoomQuery {
  readonly q?: string
  readonly since?: number
  readonly until?: number
}

/** Ms since 1970, or a time with its zone, or a day in UTC, from its beginning on. */
const time = Joi.string()
  .empty('')
  .custom((text: string, { error }) => {
    const ms = /^\d{1,16}$/.test(text) ? Number(text) : parseInstant(text)?.startMs
    return ms !== undefined && ms <= 8.64e15 ? ms : error('time')
  })
  .messages({ time: '{{#label}} must be ms since 1970, or a time with its zone, such as 2026-11-27T10:00Z' })

const schema = Joi.object<EvidenceQuery>({
  ...roomKeys,
  q: Joi.string().empty(''),
  since: time,
  until: time,
})
  .oxor('group', 'c2c', 'official', 'feed')
  .with('topic', 'group')

/** A room, the feed if none is named; which entries to show, and which part of the log. Throws REQUEST_MALFORMED. */
export function parseEvidence(request: Request): {
  readonly room: Room
  readonly q: string | undefined
  readonly filter: Filter | undefined
  readonly sinceMs: number | undefined
  readonly untilMs: number | undefined
} {
  const { q, since, until, ...query } = parseQuery(schema, request)
  const filter = q === undefined ? undefined : toFilter(q)
  return { room: toRoom(query), q, filter, sinceMs: since, untilMs: until }
}
