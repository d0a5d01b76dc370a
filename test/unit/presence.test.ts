import { expect } from 'chai'
import { MAX_ANSWER_BYTES } from '../../server/broker/asking.ts'
import { GatewayError } from '../../shared/errors.ts'
import { answerPresence, createPresence } from '../../server/realtime/presence/all-presence.ts'
import { createOwnPresence } from '../../server/realtime/presence/own-presence.ts'
import { decodeAnswer } from '../../server/realtime/presence/questions.ts'
import { Sessions } from '../../server/realtime/sessions/registry.ts'
import type { Session } from '../../server/realtime/sessions/session.ts'
import type { Subscription } from '../../server/realtime/sessions/subscriptions.ts'
import { MAX_IDENTIFIER_BYTES } from '../../shared/identifier.ts'
import { FEED, roomName } from '../../shared/room.ts'
import type { Room } from '../../shared/room.ts'

const POSITION = { epoch: 'e'.repeat(64), offset: 999_999_999_999 }
/** The longest name, of which each character takes two in JSON. */
const LONGEST = '"'.repeat(MAX_IDENTIFIER_BYTES)
const SELF = { id: 'self', host: 'here' }

/** A session that is in these rooms, as far as questions about it go. */
function sessionIn(rooms: readonly Room[], { isJoined = true, connectedAtMs = 1 } = {}): Session {
  const subscriptions = rooms.map(
    (room) =>
      ({ room, untilMs: 5, local: isJoined ? { position: POSITION } : undefined }) as unknown as Subscription,
  )
  return {
    describe: () => ({
      principal: { id: 'u', role: 'member', grants: [], expiresAtMs: 9 },
      transport: { kind: 'websocket', protocolVersion: 2, waitingBytes: () => 7 },
      connectedAtMs,
      subscriptions,
    }),
    subscriptionTo: (name: string) => subscriptions.find(({ room }) => roomName(room) === name),
  } as unknown as Session
}

const topics = (count: number): Room[] =>
  Array.from({ length: count }, (_, i) => ({ group: LONGEST, topic: LONGEST.slice(4) + String(i) }))

/** The presence on this node, with others that answer like this. */
function presenceWith(sessions: Sessions, answers: readonly object[] = [], heads = [POSITION]) {
  const asked: string[] = []
  const roles: boolean[] = []
  const read: Room[][] = []
  const own = createOwnPresence(sessions)
  const presence = createPresence({
    self: SELF,
    own,
    broker: {
      async heads(rooms) {
        read.push([...rooms])
        if (heads.length === 0) throw new GatewayError('BROKER_UNAVAILABLE')
        return rooms.map((_, i) => heads[i % heads.length] ?? POSITION)
      },
    },
    async askProcesses({ concerns = () => true, question, decode }) {
      asked.push(question)
      roles.push(...(['all', 'node', 'receiver'] as const).map((role) => concerns({ role })))
      return {
        answers: answers.map((answer, i) => ({ id: `other-${i}`, answer: decode(JSON.stringify(answer)) })),
        unanswered: [],
      }
    },
  })
  return { presence, own, asked, roles, read }
}

describe('who is connected', () => {
  it('is listed up to a bound, the latest connections first, and counted beyond', () => {
    const sessions = new Sessions()
    for (let i = 0; i < 13; i++) sessions.add('u', sessionIn(topics(53), { connectedAtMs: i }))
    const { connections, moreConnections } = createOwnPresence(sessions).ofUser('u')
    expect(moreConnections).to.equal(3)
    expect(connections.map(({ connectedAtMs }) => connectedAtMs)).to.deep.equal([
      12, 11, 10, 9, 8, 7, 6, 5, 4, 3,
    ])
    for (const { rooms, moreRooms } of connections) {
      expect(rooms).to.have.lengthOf(50)
      expect(moreRooms).to.equal(3)
    }
  })

  it('is listed in one room of very many, if that is asked for', () => {
    const sessions = new Sessions()
    sessions.add('u', sessionIn(topics(60)))
    sessions.add('u', sessionIn([FEED]))
    const last = topics(60).at(-1)
    const { connections } = createOwnPresence(sessions).ofUser('u', last)
    expect(
      connections.map(({ rooms, moreRooms }) => [rooms.map(({ room }) => room), moreRooms]),
    ).to.deep.equal([
      [[], 1],
      [[last], 59],
    ])
  })

  it('fits into an answer, whatever the names', () => {
    const sessions = new Sessions()
    for (let i = 0; i < 200; i++) sessions.add('u', sessionIn(topics(51)))
    for (let i = 100; i < 300; i++) sessions.add(`${LONGEST.slice(3)}${i}`, sessionIn([FEED]))
    const own = createOwnPresence(sessions)
    const answers = [JSON.stringify({ host: 'h', ...own.ofUser('u') }), JSON.stringify(own.inRoom(FEED))]
    for (const answer of answers) expect(Buffer.byteLength(answer)).to.be.within(50_000, MAX_ANSWER_BYTES)
    expect(decodeAnswer('user', answers[0] ?? '').connections).to.have.lengthOf(10)
  })

  it('in a room is counted by user, joining ones apart', () => {
    const sessions = new Sessions()
    const group = { group: 'g' }
    sessions.add('a', sessionIn([group]))
    sessions.add('a', sessionIn([group, FEED], { isJoined: false }))
    sessions.add('b', sessionIn([FEED]))
    for (let i = 0; i < 102; i++) sessions.add(`user-${i}`, sessionIn([group]))
    const { users, ...counts } = createOwnPresence(sessions).inRoom(group)
    expect(counts).to.deep.equal({ connections: 104, joining: 1, position: POSITION, moreUsers: 3 })
    expect(users).to.have.lengthOf(100)
    expect(users[0]).to.deep.equal({ userId: 'a', connections: 2 })
    expect(createOwnPresence(new Sessions()).inRoom(group)).to.deep.equal({
      connections: 0,
      joining: 0,
      users: [],
      moreUsers: 0,
    })
  })

  it('is asked of those who have sockets, and told beside the head of each room', async () => {
    const sessions = new Sessions()
    sessions.add('u', sessionIn([{ group: 'g' }, FEED]))
    const { presence, own, asked, roles, read } = presenceWith(sessions, [
      { host: 'there', ...createOwnPresence(sessions).ofUser('u'), later: true },
    ])
    const { nodes } = await presence.ofUser('u')
    expect(asked).to.deep.equal(['{"ask":"user","userId":"u"}'])
    expect(roles).to.deep.equal([true, true, false])
    // Each room once, though it is on two nodes.
    expect(read).to.deep.equal([[{ group: 'g' }, FEED]])
    expect(nodes.map(({ id, host }) => [id, host])).to.deep.equal([
      ['self', 'here'],
      ['other-0', 'there'],
    ])
    for (const { connections } of nodes)
      for (const room of connections[0]?.rooms ?? []) expect(room.head).to.deep.equal(POSITION)
    expect(nodes[1]).not.to.have.property('later')

    let answer: ((question: string) => Promise<string>) | undefined
    answerPresence(SELF, own, {
      onAsk: (_name, given) => {
        answer = given
        return () => undefined
      },
    })
    expect(JSON.parse((await answer?.(asked[0] ?? '')) ?? '')).to.deep.equal({
      host: 'here',
      ...own.ofUser('u'),
    })
    for (const question of ['', '{}', '{"ask":"user"}', '{"ask":"room"}', '{"ask":"room","room":{}}'])
      expect(await answer?.(question).catch(({ code }: GatewayError) => code), question).to.equal(
        'REQUEST_MALFORMED',
      )
  })

  it('is told without heads while the broker is away, and reads few of very many', async () => {
    const sessions = new Sessions()
    for (let i = 0; i < 5; i++) {
      const rooms = Array.from({ length: 50 }, (_, j) => ({ group: `${i}-${j}` }))
      sessions.add('u', sessionIn(rooms))
    }
    const without = await presenceWith(sessions, [], []).presence.ofUser('u')
    expect(without.nodes[0]?.connections[0]?.rooms[0]).not.to.have.property('head')
    const { presence, read } = presenceWith(sessions)
    const rooms = (await presence.ofUser('u')).nodes.flatMap(({ connections }) =>
      connections.flatMap((connection) => connection.rooms),
    )
    expect(read.map(({ length }) => length)).to.deep.equal([200])
    expect(rooms.filter(({ head }) => head !== undefined)).to.have.lengthOf(200)
    expect(rooms).to.have.lengthOf(250)
  })

  it('is not taken from an answer that no node gives', () => {
    const room = { host: 'h', connections: 1, joining: 0, users: [], moreUsers: 0 }
    expect(decodeAnswer('room', JSON.stringify(room))).to.deep.equal(room)
    const users = Array.from({ length: 101 }, (_, i) => ({ userId: String(i), connections: 1 }))
    for (const wrong of [
      '',
      '{}',
      JSON.stringify({ ...room, connections: '1' }),
      JSON.stringify({ ...room, users }),
      JSON.stringify({ ...room, users: [{ userId: '\u0007', connections: 1 }] }),
      JSON.stringify({ ...room, position: { epoch: '', offset: 1 } }),
      JSON.stringify({ ...room, host: 'h'.repeat(65) }),
    ])
      expect(() => decodeAnswer('room', wrong), wrong.slice(0, 100)).to.throw('makes no sense')
  })
})
