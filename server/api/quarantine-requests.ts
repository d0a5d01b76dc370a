import type { Request } from 'express'
import Joi from 'joi'
import type { QuarantineKind } from '../../shared/http-api/quarantine.ts'
import { parseQuery, wholeNumber } from './requests.ts'
import type { QuarantineFilter } from './quarantine.ts'

const MAX_LIMIT = 100
const DEFAULT_LIMIT = 50

interface FilterQuery {
  readonly kind?: QuarantineKind
  readonly reason?: string
  readonly command?: string
  readonly cursor?: string
}

interface ListQuery extends FilterQuery {
  readonly order: 'newest' | 'oldest'
  readonly limit: number
}

const filterKeys = {
  kind: Joi.valid('webhook', 'recall', 'relay', 'rotten').empty(''),
  reason: Joi.string().empty('').max(1_000),
  command: Joi.string().empty('').max(256),
}
const ID = '[0-9a-f-]{36}-\\d{1,15}'
const cursor = (pattern: string): Joi.StringSchema =>
  Joi.string()
    .empty('')
    .pattern(new RegExp(`^${pattern}$`), 'a cursor of an earlier response')

const listSchema = Joi.object<ListQuery>({
  ...filterKeys,
  order: Joi.valid('newest', 'oldest').empty('').default('newest'),
  cursor: cursor(`\\d{1,16}\\.${ID}`),
  limit: wholeNumber(1, MAX_LIMIT).default(DEFAULT_LIMIT),
})
/** Without a filter, a mistake in a script would retry or drop all there is. */
const bulkSchema = Joi.object<FilterQuery>({ ...filterKeys, cursor: cursor(ID) }).or(
  'kind',
  'reason',
  'command',
)

/** Throws REQUEST_MALFORMED naming the invalid fields, like the next one. */
export function parseQuarantine(request: Request) {
  const { order, cursor: from, limit, ...filter } = parseQuery(listSchema, request)
  return { filter: filter satisfies QuarantineFilter, order, cursor: from, limit }
}

export function parseQuarantineBulk(request: Request) {
  const { cursor: from, ...filter } = parseQuery(bulkSchema, request)
  return { filter: filter satisfies QuarantineFilter, cursor: from }
}
