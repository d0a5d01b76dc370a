import type {
  RoomPresenceResponse,
  UserConnection,
  UserPresenceResponse,
} from '../../shared/http-api/presence.ts'
import { entriesBetween } from '../../shared/position.ts'
import type { Position } from '../../shared/position.ts'
import { isFeed } from '../../shared/room.ts'
import type { Room } from '../../shared/room.ts'
import { durationOf } from '../lib/duration.ts'
import { nameOf, shortId, tableOf, visible } from './table.ts'

/** Returns where a user is connected, and whether in a room, as lines for people: what keeps notices away comes first. */
export function describeUser(response: UserPresenceResponse, asked?: Room): string[] {
  const { userId, nowMs, nodes, unanswered, revocations } = response
  const connections = nodes.flatMap(({ id, host, connections: its }) =>
    its.map((connection) => ({ id, host, connection })),
  )
  const more = nodes.reduce((sum, { moreConnections }) => sum + moreConnections, 0)
  const count = connections.length + more
  const on = nodes.filter((node) => node.connections.length > 0).length
  const rooms = connections.flatMap(({ connection }, i) => rowsOfRooms(connection, i + 1, nowMs))
  return [
    count === 0
      ? `${visible(userId)} is not connected to ${ofNodes(nodes.length)}.`
      : `${visible(userId)} has ${counted(count, 'connection')} on ${nodes.length === 1 ? '' : `${on} of `}${ofNodes(nodes.length)}.`,
    ...(asked === undefined || connections.length === 0 || rooms.length > 0
      ? []
      : [`None of these connections is in ${textOf(asked)}.`]),
    ...(revocations ?? []).map(({ conversation, untilMs }) =>
      conversation === undefined
        ? `DISCONNECTED by an admin until ${timeOf(untilMs)}.`
        : `TAKEN OUT of ${textOf(conversation)} by an admin until ${timeOf(untilMs)}.`,
    ),
    ...(revocations === undefined ? ['Whether an admin has taken the user out is not known yet.'] : []),
    ...silent(unanswered),
    ...(connections.length === 0
      ? []
      : [
          '',
          ...tableOf(
            ['#', 'NODE', 'HOST', 'TRANSPORT', 'PROTOCOL', 'ROLE', 'CONNECTED', 'TOKEN ENDS', 'WAITING'],
            connections.map(({ id, host, connection }, i) => [
              String(i + 1),
              shortId(id),
              visible(host),
              connection.transport,
              connection.protocolVersion === undefined ? '-' : String(connection.protocolVersion),
              connection.role,
              `${durationOf(Math.max(0, nowMs - connection.connectedAtMs))} ago`,
              leftOf(connection.expiresAtMs, nowMs),
              `${connection.waitingBytes} B`,
            ]),
          ),
        ]),
    ...(more === 0 ? [] : [`and ${counted(more, 'further connection')}`]),
    ...(rooms.length === 0
      ? []
      : ['', ...tableOf(['#', 'ROOM', 'STATE', 'OFFSET', 'BEHIND', 'GRANT ENDS'], rooms)]),
    ...connections.flatMap(({ connection: { moreRooms } }, i) =>
      moreRooms === 0 ? [] : [`and ${counted(moreRooms, 'other room')} of connection ${i + 1}`],
    ),
  ]
}

const rowsOfRooms = ({ rooms }: UserConnection, number: number, nowMs: number): string[][] =>
  rooms.map(({ room, untilMs, position, head }) => [
    String(number),
    textOf(room),
    position === undefined ? 'joining' : 'joined',
    position === undefined ? '-' : String(position.offset),
    behind(position, head),
    leftOf(untilMs, nowMs),
  ])

/** Returns who is in a room as lines for people. */
export function describeRoom({ room, head, nodes, unanswered }: RoomPresenceResponse): string[] {
  const count = nodes.reduce((sum, { connections }) => sum + connections, 0)
  const users = nodes.flatMap(({ id, host, users: its }) => its.map((user) => ({ id, host, ...user })))
  const more = nodes.filter(({ moreUsers }) => moreUsers > 0)
  return [
    count === 0
      ? `Nobody is in ${textOf(room)} on ${ofNodes(nodes.length)}.`
      : `${counted(count, 'connection')} in ${textOf(room)} on ${ofNodes(nodes.length)}.`,
    ...(isFeed(room) || room.topic === undefined
      ? []
      : [`Recalls of the topic also reach those who are in the group: who --group ${visible(room.group)}`]),
    ...silent(unanswered),
    '',
    ...tableOf(
      ['NODE', 'HOST', 'CONNECTIONS', 'JOINING', 'USERS', 'OFFSET', 'BEHIND'],
      nodes.map((node) => [
        shortId(node.id),
        visible(node.host),
        String(node.connections),
        String(node.joining),
        String(node.users.length + node.moreUsers),
        node.position === undefined ? '-' : String(node.position.offset),
        behind(node.position, head),
      ]),
    ),
    ...(users.length === 0
      ? []
      : [
          '',
          ...tableOf(
            ['USER', 'CONNECTIONS', 'NODE', 'HOST'],
            users.map(({ userId, connections, id, host }) => [
              visible(userId),
              String(connections),
              shortId(id),
              visible(host),
            ]),
          ),
        ]),
    ...more.map(
      ({ id, host, moreUsers }) => `and ${counted(moreUsers, 'further user')} on ${nameOf(id, host)}`,
    ),
  ]
}

const silent = (unanswered: UserPresenceResponse['unanswered']): string[] =>
  unanswered.map(({ id, host, why }) =>
    id === 'others'
      ? `NOT KNOWN of all other nodes: ${visible(why)}`
      : `NOT KNOWN of node ${nameOf(id, host)}: ${visible(why)}`,
  )

/** Says how far a position is behind the head of its log. */
function behind(position: Position | undefined, head: Position | undefined): string {
  if (position === undefined || head === undefined) return '-'
  const entries = entriesBetween(position, head)
  return entries === undefined ? 'other epoch' : String(entries)
}

function textOf(room: Room): string {
  if (isFeed(room)) return 'the feed'
  const { group, topic, c2c, official } = room
  if (c2c !== undefined) return `c2c ${c2c.map(visible).join(',')}`
  if (official !== undefined) return `official ${visible(official)}`
  return topic === undefined
    ? `group ${visible(group)}`
    : `topic ${visible(topic)} of group ${visible(group)}`
}

const leftOf = (untilMs: number, nowMs: number): string =>
  untilMs > nowMs ? `in ${durationOf(untilMs - nowMs)}` : 'now'

/** An answer of a gateway may hold any number. */
const timeOf = (atMs: number): string =>
  Math.abs(atMs) <= 8.64e15 ? new Date(atMs).toISOString() : String(atMs)

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`

const ofNodes = (count: number): string =>
  count === 1 ? 'the node that answered' : `the ${count} nodes that answered`
