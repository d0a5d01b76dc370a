import type { RequestHandler } from 'express'
import Joi from 'joi'
import type { SearchResponse } from '../../shared/http-api/search.ts'
import { FEED } from '../../shared/room.ts'
import type { Broker } from '../broker/broker.ts'
import type { RequestTurns } from '../lib/request-turns.ts'
import { chargeUser } from './bearer-auth.ts'
import { filterText, roomNamedBy, roomsMeantBy, toFilter } from './filter-query.ts'
import type { LargeReads } from './large-reads.ts'
import { search } from './log-search.ts'
import type { Cursor } from './log-search.ts'
import { parseQuery, wholeNumber } from './requests.ts'

const MAX_HITS = 1_000
const DEFAULT_HITS = 100
/** Some 30 ms of work, if recalls have a usual size. */
const BOUNDS = { entries: 3_000, ms: 500 }
/** As many more requests as it counts for: a search that follows its cursors can look at 100,000 entries in ten seconds. */
const POINTS = 20

interface SearchQuery {
  readonly q: string
  readonly before?: string
  readonly limit: number
}

const searchSchema = Joi.object<SearchQuery>({
  q: filterText,
  before: Joi.string()
    .empty('')
    .pattern(/^(?:feed|room|rest|\d{1,2}):[\w-]{1,64}:\d{1,15}$/, 'a cursor of an earlier response'),
  limit: wholeNumber(1, MAX_HITS).default(DEFAULT_HITS),
})

interface SearchDependencies {
  /** Each of whose reads waits while the loop is late. */
  readonly broker: Pick<Broker, 'entries'>
  readonly turns: Pick<RequestTurns, 'goOn'>
  readonly inTurn: LargeReads
}

/** `GET /v1/search`: looks through the log of the feed, or of the conversation that the filter names, for recalls that match. */
export function createSearch({ broker, turns, inTurn }: SearchDependencies): RequestHandler {
  return async (request, response) => {
    const { q, before, limit } = parseQuery(searchSchema, request)
    const filter = toFilter(q)
    const asked = {
      filter,
      room: roomNamedBy(filter),
      others: roomsMeantBy(filter),
      cursor: before === undefined ? undefined : toCursor(before),
    }
    await chargeUser(response, POINTS)
    // Whoever may see the feed may see all rooms.
    await inTurn(response, FEED, async () => {
      const { cursor, ...found } = await search(broker, { ...asked, limit }, BOUNDS)
      await turns.goOn()
      response.json({
        ok: true,
        ...found,
        ...(cursor && { cursor: cursorText(cursor) }),
      } satisfies SearchResponse)
    })
  }
}

const cursorText = ({ log, position: { epoch, offset } }: Cursor): string => `${log}:${epoch}:${offset}`

function toCursor(text: string): Cursor {
  const [log = '', epoch = '', offset] = text.split(':')
  return {
    log: log === 'feed' || log === 'room' || log === 'rest' ? log : Number(log),
    position: { epoch, offset: Number(offset) },
  }
}
