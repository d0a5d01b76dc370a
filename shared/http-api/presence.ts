import type { Position } from '../position.ts'
import type { Room } from '../room.ts'
import type { ListedRevocation } from './revocations.ts'

/** A room of a connection. */
export interface RoomOfConnection {
  readonly room: Room
  /** When the grant ends and is looked up again, in ms since 1970. */
  readonly untilMs: number
  /** How far the node has sent the room to the connection. Missing while it still joins: it may be sent what it missed. */
  readonly position?: Position
  /** Where the log of the room ended just afterwards. Missing if that was not read: it is for the first 200 rooms. */
  readonly head?: Position
}

/** One connection of a user to one node. */
export interface UserConnection {
  /** `stream`: server-sent events. */
  readonly transport: 'websocket' | 'stream'
  /** The version of the protocol that the client speaks; 1 if it named none. A stream names none. */
  readonly protocolVersion?: number
  readonly role: 'admin' | 'member'
  readonly connectedAtMs: number
  /** When the credential ends, in ms since 1970. */
  readonly expiresAtMs: number
  /** What the node has written and the network has not taken yet: a client that reads slowly. */
  readonly waitingBytes: number
  /** At most 50; if the request names a room, that one or none. */
  readonly rooms: readonly RoomOfConnection[]
  /** How many other rooms it has. */
  readonly moreRooms: number
}

/** What one node knows of a user. */
export interface UserOnNode {
  readonly host: string
  /** The latest first, at most 10. */
  readonly connections: readonly UserConnection[]
  /** How many further connections the user has there. */
  readonly moreConnections: number
}

/** What one node knows of a room. */
export interface RoomOnNode {
  readonly host: string
  /** Sockets and streams in the room. */
  readonly connections: number
  /** Those that are still joining, and may be sent what they missed. */
  readonly joining: number
  /** How far the node has sent the room. Missing if nobody has joined it. */
  readonly position?: Position
  /** In the order in which they came to the node, at most 100. */
  readonly users: readonly { readonly userId: string; readonly connections: number }[]
  /** How many further users are in the room there. */
  readonly moreUsers: number
}

/** A node that did not say, and why, in words for people. `others` stands for all that are not known. */
interface SilentNode {
  readonly id: string
  readonly host?: string
  readonly why: string
}

/** `GET /v1/user-presence`. */
export interface UserPresenceResponse {
  readonly ok: true
  readonly userId: string
  /** The gateway's time, in ms since 1970. */
  readonly nowMs: number
  /** Nodes that answered, the one that responded first; also those to which the user is not connected. */
  readonly nodes: readonly (UserOnNode & { readonly id: string })[]
  readonly unanswered: readonly SilentNode[]
  /** What admins have taken from the user: everything first, then the latest order, at most 100. Missing while the node does not know it yet. */
  readonly revocations?: readonly Omit<ListedRevocation, 'userId' | 'admin'>[]
}

/** `GET /v1/room-presence`. */
export interface RoomPresenceResponse {
  readonly ok: true
  readonly room: Room
  /** Where the log of the room ended just after the nodes answered. Missing if it could not be read. */
  readonly head?: Position
  /** Nodes that answered, the one that responded first; also those on which nobody is in the room. */
  readonly nodes: readonly (RoomOnNode & { readonly id: string })[]
  readonly unanswered: readonly SilentNode[]
}
