import { expect } from 'chai'
import { describeRoom, describeUser } from '../../server/cli/who-table.ts'
import type { UserConnection } from '../../shared/http-api/presence.ts'

const NOW_MS = Date.UTC(2026, 10, 27, 12)
const HOUR_MS = 3_600_000
const SILENT = [{ id: 'cccccccc-1', host: 'web-3', why: 'no answer\u001B' }]

describe('who is there, for people', () => {
  it('says where a user is connected, how far behind each room is, and what was taken away', () => {
    const connection: UserConnection = {
      transport: 'websocket',
      protocolVersion: 2,
      role: 'member',
      connectedAtMs: NOW_MS - 2 * HOUR_MS,
      expiresAtMs: NOW_MS + HOUR_MS,
      waitingBytes: 1_234,
      rooms: [
        {
          room: { group: 'lobby' },
          untilMs: NOW_MS + 60_000,
          position: { epoch: 'e', offset: 127 },
          head: { epoch: 'e', offset: 130 },
        },
        {
          room: { group: 'lobby', topic: 'a\u202E' },
          untilMs: NOW_MS,
          position: { epoch: 'e', offset: 1 },
          head: { epoch: 'f', offset: 9 },
        },
        { room: { c2c: ['alice', 'bob'] }, untilMs: NOW_MS + HOUR_MS },
      ],
      moreRooms: 4,
    }
    const { protocolVersion: _protocolVersion, ...unversioned } = connection
    const stream: UserConnection = { ...unversioned, transport: 'stream', rooms: [], moreRooms: 0 }
    const lines = describeUser({
      ok: true,
      userId: 'alice',
      nowMs: NOW_MS,
      nodes: [
        { id: 'aaaaaaaa-1', host: 'web-1', connections: [connection], moreConnections: 0 },
        { id: 'bbbbbbbb-1', host: 'web-2', connections: [stream], moreConnections: 2 },
        { id: 'dddddddd-1', host: 'web-4', connections: [], moreConnections: 0 },
      ],
      unanswered: SILENT,
      revocations: [
        { untilMs: NOW_MS + HOUR_MS, atMs: NOW_MS },
        { conversation: { official: 'news' }, untilMs: NOW_MS + HOUR_MS, atMs: NOW_MS },
      ],
    })
    expect(lines).to.deep.equal([
      'alice has 4 connections on 2 of the 3 nodes that answered.',
      'DISCONNECTED by an admin until 2026-11-27T13:00:00.000Z.',
      'TAKEN OUT of official news by an admin until 2026-11-27T13:00:00.000Z.',
      'NOT KNOWN of node cccccccc (web-3): no answer\\u{1B}',
      '',
      '#  NODE      HOST   TRANSPORT  PROTOCOL  ROLE    CONNECTED  TOKEN ENDS  WAITING',
      '1  aaaaaaaa  web-1  websocket  2         member  2 h ago    in 1 h       1234 B',
      '2  bbbbbbbb  web-2  stream     -         member  2 h ago    in 1 h       1234 B',
      'and 2 further connections',
      '',
      '#  ROOM                            STATE    OFFSET  BEHIND       GRANT ENDS',
      '1  group lobby                     joined   127     3            in 1 min',
      '1  topic a\\u{202E} of group lobby  joined   1       other epoch  now',
      '1  c2c alice,bob                   joining  -       -            in 1 h',
      'and 4 other rooms of connection 1',
    ])
    const nobody = { ok: true, userId: 'x', nowMs: 1, nodes: [], unanswered: [] } as const
    expect(describeUser(nobody).join('\n')).to.include('not known yet')
    const elsewhere = { id: 'n', host: 'h', connections: [stream], moreConnections: 0 }
    const inNoRoom = describeUser({ ...nobody, nodes: [elsewhere] }, { group: 'lobby' })
    expect(inNoRoom[1]).to.equal('None of these connections is in group lobby.')
  })

  it('says who is in a room, how many on each node, and how far behind the node is', () => {
    const lines = describeRoom({
      ok: true,
      room: { group: 'lobby' },
      head: { epoch: 'e', offset: 130 },
      nodes: [
        {
          id: 'aaaaaaaa-1',
          host: 'web-1',
          connections: 3,
          joining: 1,
          position: { epoch: 'e', offset: 130 },
          users: [{ userId: 'alice', connections: 2 }],
          moreUsers: 1,
        },
        { id: 'bbbbbbbb-1', host: 'web-2', connections: 0, joining: 0, users: [], moreUsers: 0 },
      ],
      unanswered: SILENT,
    })
    expect(lines).to.deep.equal([
      '3 connections in group lobby on the 2 nodes that answered.',
      'NOT KNOWN of node cccccccc (web-3): no answer\\u{1B}',
      '',
      'NODE      HOST   CONNECTIONS  JOINING  USERS  OFFSET  BEHIND',
      'aaaaaaaa  web-1            3        1      2  130     0',
      'bbbbbbbb  web-2            0        0      0  -       -',
      '',
      'USER   CONNECTIONS  NODE      HOST',
      'alice            2  aaaaaaaa  web-1',
      'and 1 further user on aaaaaaaa (web-1)',
    ])
  })
})
