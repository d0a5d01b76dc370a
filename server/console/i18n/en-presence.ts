import { number, plural } from './en-format.ts'

/** Texts of who is connected, and who is in a room, in English. */
export const presence = {
  title: 'Who is connected?',
  hint: 'Asked of all nodes: where a user is connected, in which rooms, and how far behind.',
  look: 'Look',
  ask: 'Connected?',
  askUser: 'Is this user connected?',
  askRoom: 'Who is in it?',
  connections: (count: number, on: number, nodes: number) =>
    `${plural(count, 'connection', 'connections')} on ${number(on)} of ${plural(nodes, 'node that answered', 'nodes that answered')}`,
  notConnected: (nodes: number) => `not connected to ${plural(nodes, 'node', 'nodes')} that answered`,
  inRoom: (count: number, nodes: number) =>
    `${plural(count, 'connection', 'connections')} on ${plural(nodes, 'node that answered', 'nodes that answered')}`,
  silent: 'Not all nodes answered, so more may be connected than is listed here:',
  topic: 'Recalls of the topic also reach those who are in the group:',
  revocationsUnknown: 'Whether admins have taken this user out is not known yet.',
  takenOut: 'Taken out of',
  transports: { websocket: 'WebSocket', stream: 'Stream (SSE)' },
  protocol: (version: number) => `protocol ${version}`,
  since: 'since',
  tokenUntil: 'token until',
  waiting: (bytes: number) => `${number(bytes)} bytes wait for it to read`,
  room: 'Room',
  node: 'Node',
  grantedUntil: 'Granted until',
  behind: 'Behind',
  joining: 'still joining',
  otherEpoch: 'in another epoch of the log',
  count: 'Connections',
  users: 'Users',
  more: (count: number) => `and ${number(count)} more`,
}
