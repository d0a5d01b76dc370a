import type { RequestHandler } from 'express'
import { conversationOf } from '../../shared/conversation.ts'
import type { RoomPresenceResponse, UserPresenceResponse } from '../../shared/http-api/presence.ts'
import type { Room } from '../../shared/room.ts'
import type { Revocations } from '../auth/revocations.ts'
import { chargeUser } from './bearer-auth.ts'
import { parseRoom, parseUserInRoom } from './requests.ts'

/** All nodes work for each, so it counts as so many more requests. */
const EXTRA_CHARGE = 10
const MAX_REVOCATIONS = 100

interface PresenceDependencies {
  /** Who is connected, on all nodes. Its methods never reject. */
  readonly presence: {
    ofUser(userId: string, room?: Room): Promise<Pick<UserPresenceResponse, 'nodes' | 'unanswered'>>
    inRoom(room: Room): Promise<Pick<RoomPresenceResponse, 'nodes' | 'unanswered' | 'head'>>
  }
  readonly revocations: Pick<Revocations, 'list' | 'isPending'>
}

/** Tells admins whether a user is connected, where and how; and who is in a room. */
export function createPresenceHandlers({ presence, revocations }: PresenceDependencies) {
  /** `GET /v1/user-presence`. */
  const user: RequestHandler = async (request, response) => {
    const { userId, room: asked } = parseUserInRoom(request)
    await chargeUser(response, EXTRA_CHARGE)
    const found = await presence.ofUser(userId, asked)
    response.json({
      ok: true,
      userId,
      nowMs: Date.now(),
      ...found,
      ...(!revocations.isPending && { revocations: revocationsOf(userId) }),
    } satisfies UserPresenceResponse)
  }

  /** `GET /v1/room-presence`. */
  const room: RequestHandler = async (request, response) => {
    const asked = parseRoom(request)
    await chargeUser(response, EXTRA_CHARGE)
    const found = await presence.inRoom(asked)
    response.json({ ok: true, room: asked, ...found } satisfies RoomPresenceResponse)
  }

  const revocationsOf = (userId: string) =>
    revocations
      .list(Date.now())
      .filter((one) => one.userId === userId)
      // What takes everything says most: it must not be among those that there is no room for.
      .toSorted((a, b) => Number(a.room !== undefined) - Number(b.room !== undefined))
      .slice(0, MAX_REVOCATIONS)
      .map(({ room: revoked, untilMs, atMs }) => ({
        ...(revoked !== undefined && revoked.feed === undefined && { conversation: conversationOf(revoked) }),
        untilMs,
        atMs,
      }))

  return { user, room }
}
