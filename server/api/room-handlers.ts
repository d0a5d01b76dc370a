import type { RequestHandler, Response } from 'express'
import type { NoticesResponse, PositionResponse } from '../../shared/http-api.ts'
import { toMemberNotice } from '../../shared/notice.ts'
import type { Position } from '../../shared/position.ts'
import type { RecalledResponse } from '../../shared/protocol.ts'
import type { Room } from '../../shared/room.ts'
import type { Authorization } from '../auth/authorization.ts'
import type { Broker } from '../broker/broker.ts'
import { createKeyedLimiter } from '../lib/keyed-limiter.ts'
import type { RequestTurns } from '../lib/request-turns.ts'
import { chargeUser, principalOf } from './bearer-auth.ts'
import { readAfter, readBefore, readReceivedSince } from './log-pages.ts'
import type { Page } from './log-pages.ts'
import { whileOpen } from './turns.ts'
import { MAX_NOTICES, parseNotices, parseRecalled, parseRoom } from './requests.ts'

/** Of one user, so that those of others are served in between. One read of the largest recalls is 7.5 MB. */
const MAX_CONCURRENT_READS_PER_USER = 1
/** As many notices or messages that are asked for count as one more request: they cost as much. */
const ITEMS_PER_REQUEST = 50

interface RoomDependencies {
  readonly authorization: Pick<Authorization, 'authorize'>
  readonly broker: Pick<Broker, 'heads' | 'history' | 'historyBefore' | 'recalled'>
  /** Sockets and streams in a room on this node. */
  readonly socketsIn: (room: Room) => number
  readonly turns: RequestTurns
}

/** Position, notices and recalled messages of a room. */
export function createRoomHandlers({ authorization, broker, socketsIn, turns }: RoomDependencies) {
  const limitPerUser = createKeyedLimiter(MAX_CONCURRENT_READS_PER_USER)

  /**
   * Does what reads and returns a lot in its turn, unless nobody waits for the response any more. Rejects like `authorize` if the
   * grant of the room has ended meanwhile.
   */
  async function inTurn(response: Response, room: Room, work: () => Promise<void>) {
    const principal = principalOf(response)
    const { id } = principal
    await limitPerUser(id, () =>
      whileOpen(turns, id, response, () =>
        turns.large(id, response, async () => {
          if (response.destroyed) return
          await authorization.authorize(principal, room)
          await work()
        }),
      ),
    )
  }

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
