import type { RequestHandler } from 'express'
import type { NoticesResponse, PositionResponse } from '../../shared/http-api.ts'
import { toMemberNotice } from '../../shared/notice.ts'
import type { MemberNotice, Notice } from '../../shared/notice.ts'
import type { Position } from '../../shared/position.ts'
import type { RecalledResponse } from '../../shared/protocol.ts'
import type { Room } from '../../shared/room.ts'
import type { Authorization } from '../auth/authorization.ts'
import type { Principal } from '../auth/principal.ts'
import type { Broker } from '../broker/broker.ts'
import { createLimiter } from '../lib/flow-control.ts'
import { readNotices, readRecalled, readRoom } from './requests.ts'
import { readAfter, readBefore, readReceivedSince } from './log-pages.ts'
import { principalOf } from './bearer-auth.ts'

/** Parts of logs that are read at a time: one of the largest recalls is 7.5 MB. */
const MAX_CONCURRENT_READS = 4

interface ReadDependencies {
  readonly admission: Pick<Authorization, 'authorize'>
  readonly broker: Pick<Broker, 'heads' | 'history' | 'historyBefore' | 'recalled'>
  /** How many listen to a room on this node. */
  readonly socketsIn: (room: Room) => number
}

/** What sockets can ask, asked over HTTP, with the same grants. */
export function createReads({ admission, broker, socketsIn }: ReadDependencies) {
  const readInTurn = createLimiter(MAX_CONCURRENT_READS)

  /** Where a room stands. Asked before the page is loaded, and then listened from: no seam between the two. */
  const position: RequestHandler = async (request, response) => {
    const room = readRoom(request)
    const principal = principalOf(response)
    await admission.authorize(principal, room)
    const [head] = (await broker.heads([room])) as [Position]
    response.json({
      ok: true,
      room,
      position: head,
      ...(principal.role === 'admin' && { sockets: socketsIn(room) }),
    } satisfies PositionResponse)
  }

  /** Notices of a room: after a position, before an offset, received since a time, or the latest ones. */
  const notices: RequestHandler = async (request, response) => {
    const { room, since, before, receivedSinceMs, limit } = readNotices(request)
    const principal = principalOf(response)
    await admission.authorize(principal, room)
    const { notices: found, ...answer } = await readInTurn(() => {
      if (since !== undefined) return readAfter(broker, room, since, limit)
      if (receivedSinceMs !== undefined) return readReceivedSince(broker, room, receivedSinceMs, limit)
      return readBefore(broker, room, before ?? Number.MAX_SAFE_INTEGER, limit)
    })
    response.json({
      ok: true,
      room,
      ...answer,
      notices: found.map(faceOf(principal)),
    } satisfies NoticesResponse)
  }

  const recalled: RequestHandler = async (request, response) => {
    const { seqs, ...conversation } = readRecalled(request)
    await admission.authorize(principalOf(response), conversation)
    response.json({
      ok: true,
      recalled: await broker.recalled(conversation, seqs),
    } satisfies RecalledResponse)
  }

  return { position, notices, recalled }
}

const faceOf =
  ({ role }: Principal) =>
  (notice: Notice): Notice | MemberNotice =>
    role === 'admin' ? notice : toMemberNotice(notice)
