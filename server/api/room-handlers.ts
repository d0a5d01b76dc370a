import type { RequestHandler } from 'express'
import type { NoticesResponse, PositionResponse } from '../../shared/http-api.ts'
import { toMemberNotice } from '../../shared/notice.ts'
import type { Position } from '../../shared/position.ts'
import type { RecalledResponse } from '../../shared/protocol.ts'
import type { Room } from '../../shared/room.ts'
import type { Authorization } from '../auth/authorization.ts'
import type { Broker } from '../broker/broker.ts'
import type { RequestTurns } from '../lib/request-turns.ts'
import { chargeUser, principalOf } from './bearer-auth.ts'
import type { LargeReads } from './large-reads.ts'
import { readAfter, readBefore, readReceivedSince } from './log-pages.ts'
import type { Page } from './log-pages.ts'
import { MAX_NOTICES, parseNotices, parseRecalled, parseRoom } from './requests.ts'

/** As many notices or messages that are asked for count as one more request: they cost as much. */
const ITEMS_PER_REQUEST = 50

interface RoomDependencies {
  readonly authorization: Pick<Authorization, 'authorize'>
  readonly broker: Pick<Broker, 'heads' | 'history' | 'historyBefore' | 'recalled'>
  /** Sockets and streams in a room on this node. */
  readonly socketsIn: (room: Room) => number
  readonly turns: RequestTurns
  readonly inTurn: LargeReads
}

/** Position, notices and recalled messages of a room. */
export function createRoomHandlers({ authorization, broker, socketsIn, turns, inTurn }: RoomDependencies) {
  /** A client that loads a page reads this first and subscribes from it afterwards, so no notice falls in between. */
  const position: RequestHandler = async (request, response) => {
    const room = parseRoom(request)
    const principal = principalOf(response)
    await authorization.authorize(principal, room)
    const [head] = (await broker.heads([room])) as [Position]
    response.json({
      ok: true,
      room,
      position: head,
      ...(principal.role === 'admin' && { sockets: socketsIn(room) }),
    } satisfies PositionResponse)
  }

  /** Notices after a position, before an offset, received since a time, or the latest. */
  const notices: RequestHandler = async (request, response) => {
    const { room, since, before, receivedSinceMs, limit: max } = parseNotices(request)
    const principal = principalOf(response)
    await authorization.authorize(principal, room)
    // Reading back to a time may read the whole log.
    const items = receivedSinceMs === undefined ? max : MAX_NOTICES
    await chargeUser(response, Math.floor(items / ITEMS_PER_REQUEST))
    const read = (): Promise<Page> => {
      if (since !== undefined) return readAfter(broker, room, since, max)
      if (receivedSinceMs !== undefined) return readReceivedSince(broker, room, receivedSinceMs, max)
      return readBefore(broker, room, before ?? Number.MAX_SAFE_INTEGER, max)
    }
    await inTurn(response, room, async () => {
      const { notices: found, ...page } = await read()
      await turns.goOn()
      response.json({
        ok: true,
        room,
        ...page,
        notices: principal.role === 'admin' ? found : found.map(toMemberNotice),
      } satisfies NoticesResponse)
    })
  }

  const recalled: RequestHandler = async (request, response) => {
    const { conversation, names } = parseRecalled(request)
    await authorization.authorize(principalOf(response), conversation)
    await chargeUser(response, Math.floor(names.length / ITEMS_PER_REQUEST))
    await inTurn(response, conversation, async () => {
      const found = await broker.recalled(conversation, names)
      await turns.goOn()
      response.json({ ok: true, recalled: found } satisfies RecalledResponse)
    })
  }

  return { position, notices, recalled }
}
