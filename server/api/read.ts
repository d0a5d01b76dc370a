import type { RequestHandler } from 'express'
import { toMemberNotice } from '../../shared/notice.ts'
import type { MemberNotice, Notice } from '../../shared/notice.ts'
import type { Position } from '../../shared/position.ts'
import type { Room } from '../../shared/room.ts'
import type { Admission } from '../auth/admission.ts'
import type { Principal } from '../auth/principal.ts'
import type { Broker } from '../broker/broker.ts'
import { createTurnstile } from '../turnstile.ts'
import { readNotices, readRecalled, readRoom } from './query.ts'
import { principalOf } from './who.ts'

/** Pages of logs that are read at a time: one of the largest recalls is 7.5 MB. */
const READS_AT_ONCE = 4
const NOTICES_PER_PAGE = 200

interface ReadDependencies {
  readonly admission: Pick<Admission, 'authorise'>
  readonly broker: Pick<Broker, 'top' | 'history' | 'earlier' | 'recalled'>
  /** How many listen to a room on this node. */
  readonly socketsIn: (room: Room) => number
}

/** What sockets can ask, asked over HTTP, with the same grants. */
export function createReads({ admission, broker, socketsIn }: ReadDependencies) {
  const readInTurn = createTurnstile(READS_AT_ONCE)

  /** Where a room stands. Asked before the page is loaded, and then listened from: no seam between the two. */
  const position: RequestHandler = async (request, response) => {
    const room = readRoom(request)
    const principal = principalOf(response)
    await admission.authorise(principal, room)
    const [top] = await broker.top([room])
    response.json({
      ok: true,
      room,
      position: top,
      ...(principal.role === 'admin' && { sockets: socketsIn(room) }),
    })
  }

  /** Notices of a room: after a position, before an offset, received since a time, or the latest ones. */
  const notices: RequestHandler = async (request, response) => {
    const { room, since, before, receivedSinceMs, limit } = readNotices(request)
    const principal = principalOf(response)
    await admission.authorise(principal, room)
    const answer = await readInTurn(async () => {
      if (since !== undefined) return after(room, since, limit)
      if (receivedSinceMs !== undefined) return receivedSince(room, receivedSinceMs, limit)
      const { notices: found, top } = await broker.earlier(room, before ?? Number.MAX_SAFE_INTEGER, limit)
      return page(found, top, found.at(-1)?.offset ?? top.offset)
    })
    response.json({ ok: true, room, ...answer, notices: answer.notices.map(faceOf(principal)) })
  }

  async function after(room: Room, since: Position, limit: number) {
    const history = await broker.history(room, since, limit)
    if (history.gap !== undefined)
      return { notices: [], position: history.top, more: false, gap: history.gap }
    return page(history.notices, history.top, history.notices.at(-1)?.offset ?? since.offset)
  }

  /** Reads back until a notice is older; times are those of arrival, in whose order a log stands. */
  async function receivedSince(room: Room, sinceMs: number, limit: number) {
    const found: Notice[] = []
    let before = Number.MAX_SAFE_INTEGER
    for (;;) {
      const { notices: read, top } = await broker.earlier(room, before, NOTICES_PER_PAGE)
      const young = read.filter(({ receivedAtMs }) => receivedAtMs >= sinceMs)
      found.unshift(...young)
      before = read[0]?.offset ?? 0
      if (young.length < read.length || read.length < NOTICES_PER_PAGE) {
        const oldest = found.slice(0, limit)
        return page(oldest, top, oldest.at(-1)?.offset ?? top.offset)
      }
    }
  }

  const recalled: RequestHandler = async (request, response) => {
    const { seqs, ...conversation } = readRecalled(request)
    await admission.authorise(principalOf(response), conversation)
    response.json({ ok: true, recalled: await broker.recalled(conversation, seqs) })
  }

  return { position, notices, recalled }
}

/** `position` is where to go on from; `more` says whether the log goes on behind it. */
const page = (notices: readonly Notice[], { epoch, offset: last }: Position, offset: number) => ({
  notices,
  position: { epoch, offset },
  more: offset < last,
})

const faceOf =
  ({ role }: Principal) =>
  (notice: Notice): Notice | MemberNotice =>
    role === 'admin' ? notice : toMemberNotice(notice)
