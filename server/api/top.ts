import type { RequestHandler } from 'express'
import Joi from 'joi'
import { conversationOf } from '../../shared/conversation.ts'
import type { Conversation } from '../../shared/conversation.ts'
import type { Recalled, TopResponse } from '../../shared/http-api/top.ts'
import { FEED, roomName } from '../../shared/room.ts'
import type { Broker } from '../broker/broker.ts'
import { chargeUser } from './bearer-auth.ts'
import type { LargeReads } from './large-reads.ts'
import { search } from './log-search.ts'
import type { Cursor } from './log-search.ts'
import { parseQuery, wholeNumber } from './requests.ts'

/** For as long, everybody who asks the same gets the same answer. */
const CACHED_MS = 5_000
const MAX_CACHED = 20
const MAX_LISTED = 20
const MAX_SUGGESTED = 100
const MAX_ENTRIES = 10_000
const PAGE = { limit: 1_000, bounds: { entries: 1_000, ms: 500 } }
const EXTRA_CHARGE = 20
const MAX_FOR_S = 30 * 86_400

const topSchema = Joi.object<{ readonly forS: number }>({ forS: wholeNumber(1, MAX_FOR_S).default(3_600) })

interface TopDependencies {
  /** Each of whose reads waits while the loop is late. */
  readonly broker: Pick<Broker, 'entries'>
  readonly inTurn: LargeReads
}

/** `GET /v1/top`: where, and by whom, most was recalled lately. */
export function createTop({ broker, inTurn }: TopDependencies): RequestHandler {
  const cache = new Map<number, { readonly atMs: number; readonly top: TopResponse }>()

  async function count(forS: number, nowMs: number): Promise<TopResponse> {
    const sinceMs = nowMs - forS * 1_000
    const filter = { terms: [] }
    const groups = new Map<string, Recalled>()
    const operators = new Map<string, Recalled>()
    const conversations = new Map<string, Conversation>()
    let [entries, unreadable] = [0, 0]
    let fromMs: number | null = null
    let toMs: number | null = null
    let keptSinceMs: number | null = null
    let cursor: Cursor | undefined
    let isComplete = false
    for (;;) {
      const page = await search(broker, { filter, room: undefined, cursor, limit: PAGE.limit }, PAGE.bounds)
      // What was counted before would be counted twice.
      if (page.restarted) break
      ;({ keptSinceMs } = page)
      entries += page.searched.entries
      unreadable += page.searched.unreadable ?? 0
      toMs ??= page.searched.toMs
      fromMs = page.searched.fromMs ?? fromMs
      for (const { notice } of page.hits) {
        const conversation = conversationOf(notice)
        if (conversations.size < MAX_SUGGESTED) conversations.set(roomName(conversation), conversation)
        if (notice.receivedAtMs < sinceMs || notice.test) continue
        if (notice.group !== undefined) add(groups, notice.group, notice.messages.length)
        if (notice.operator !== undefined) add(operators, notice.operator, notice.messages.length)
      }
      ;({ cursor } = page)
      // What was received since then was stored since then, in this order, even if it waited in a spool.
      const isOver = (page.searched.fromMs ?? Infinity) < sinceMs
      isComplete = unreadable === 0 && (isOver || (cursor === undefined && (keptSinceMs ?? 0) <= sinceMs))
      if (cursor === undefined || isOver || entries >= MAX_ENTRIES) break
    }
    return {
      ok: true,
      sinceMs,
      searched: { room: FEED, entries, ...(unreadable > 0 && { unreadable }), fromMs, toMs },
      complete: isComplete,
      keptSinceMs,
      groups: most(groups).map(([group, recalled]) => ({ group, ...recalled })),
      operators: most(operators).map(([operator, recalled]) => ({ operator, ...recalled })),
      conversations: [...conversations.values()],
    }
  }

  return async (request, response) => {
    const { forS } = parseQuery(topSchema, request)
    await chargeUser(response, EXTRA_CHARGE)
    await inTurn(response, FEED, async () => {
      const nowMs = Date.now()
      const cached = cache.get(forS)
      if (cached !== undefined && Math.abs(nowMs - cached.atMs) < CACHED_MS) {
        response.json(cached.top)
        return
      }
      const top = await count(forS, nowMs)
      if (cache.size >= MAX_CACHED) cache.clear()
      cache.set(forS, { atMs: nowMs, top })
      response.json(top)
    })
  }
}

function add(counts: Map<string, Recalled>, name: string, messages: number): void {
  const known = counts.get(name) ?? { recalls: 0, messages: 0 }
  counts.set(name, { recalls: known.recalls + 1, messages: known.messages + messages })
}

const most = (counts: ReadonlyMap<string, Recalled>): [string, Recalled][] =>
  [...counts].toSorted(([, one], [, other]) => other.messages - one.messages).slice(0, MAX_LISTED)
