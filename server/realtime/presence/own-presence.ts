import type {
  RoomOfConnection,
  RoomOnNode,
  UserConnection,
  UserOnNode,
} from '../../../shared/http-api/presence.ts'
import { roomName } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import type { Sessions } from '../sessions/registry.ts'
import type { Session } from '../sessions/session.ts'
import type { Subscription } from '../sessions/subscriptions.ts'

/** An answer with names of the greatest length fits into `MAX_ANSWER_BYTES` then. */
export const MAX_CONNECTIONS = 10
export const MAX_ROOMS = 50
export const MAX_USERS = 100

/** What one node knows of who is connected to it. */
export interface OwnPresence {
  /** With `room`, of the rooms of a connection only that one is listed, and the others are counted. */
  readonly ofUser: (userId: string, room?: Room) => Omit<UserOnNode, 'host'>
  readonly inRoom: (room: Room) => Omit<RoomOnNode, 'host'>
}

/** Looks when it is asked, because nobody should pay for a list that few ask for. */
export function createOwnPresence(sessions: Pick<Sessions, 'of' | 'users'>): OwnPresence {
  return {
    ofUser(userId, room) {
      const all = sessions.of(userId)
      const latest = all.toReversed().slice(0, MAX_CONNECTIONS)
      const connections = latest.map((session) => toConnection(session, room))
      return { connections, moreConnections: all.length - connections.length }
    },

    inRoom(room) {
      const name = roomName(room)
      const users: { userId: string; connections: number }[] = []
      let [connections, joining, moreUsers] = [0, 0, 0]
      let local: Subscription['local']
      for (const [userId, its] of sessions.users()) {
        let own = 0
        for (const session of its) {
          const subscription = session.subscriptionTo(name)
          if (subscription === undefined) continue
          own++
          if (subscription.local === undefined) joining++
          else ({ local } = subscription)
        }
        if (own === 0) continue
        connections += own
        if (users.length < MAX_USERS) users.push({ userId, connections: own })
        else moreUsers++
      }
      return { connections, joining, ...(local && { position: local.position }), users, moreUsers }
    },
  }
}

function toConnection(session: Session, room?: Room): UserConnection {
  const { principal, transport, connectedAtMs, subscriptions: all } = session.describe()
  const { kind, protocolVersion } = transport
  const { role, expiresAtMs } = principal
  const asked = room === undefined ? all : [session.subscriptionTo(roomName(room)) ?? []].flat()
  const rooms = asked.slice(0, MAX_ROOMS).map(toRoom)
  return {
    transport: kind,
    ...(protocolVersion !== undefined && { protocolVersion }),
    role,
    connectedAtMs,
    expiresAtMs,
    waitingBytes: transport.waitingBytes(),
    rooms,
    moreRooms: all.length - rooms.length,
  }
}

const toRoom = ({ room, untilMs, local }: Subscription): RoomOfConnection => ({
  room,
  untilMs,
  ...(local && { position: local.position }),
})
