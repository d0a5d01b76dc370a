import { expect } from 'chai'
import type { Redis } from 'ioredis'
import type { Broker } from '../../server/broker/broker.ts'
import { FEED, roomName } from '../../shared/room.ts'
import type { Room } from '../../shared/room.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { KEYS, startRedisBroker } from '../support/redis-broker.ts'

const END_OF_IDS = '18446744073709551615-18446744073709551615'
const OFFSETS = [
  'abc',
  '',
  '-5',
  '-1',
  '1.5',
  '0x10',
  '1e3',
  ' 7',
  '7 ',
  '7\n',
  '7\0',
  '+7',
  'nan',
  'inf',
  '1e400',
]
const HUGE = [
  '999999999999999',
  '1000000000000000',
  '9007199254740992',
  '9223372036854775807',
  '9'.repeat(400),
]
const EPOCHS = ['', 'a:b', 'a b', '\0', '\u00e4', 'x'.repeat(65), 'x'.repeat(1_000_000)]

type Spoil = (redis: Redis, names: { head: string; log: string; set: string }) => Promise<unknown>

const SPOILED: Readonly<Record<string, Spoil>> = {
  ...Object.fromEntries(
    [...OFFSETS, ...HUGE].map((offset): [string, Spoil] => [
      `offset ${JSON.stringify(offset.slice(0, 30))}`,
      (redis, { head }) => redis.hset(head, 'offset', offset),
    ]),
  ),
  ...Object.fromEntries(
    EPOCHS.map((epoch): [string, Spoil] => [
      `epoch ${JSON.stringify(epoch.slice(0, 10))} of ${epoch.length}`,
      (redis, { head }) => redis.hset(head, 'epoch', epoch),
    ]),
  ),
  'no epoch': (redis, { head }) => redis.hdel(head, 'epoch'),
  'no offset': (redis, { head }) => redis.hdel(head, 'offset'),
  'no chain': (redis, { head }) => redis.hdel(head, 'chain'),
  ...Object.fromEntries(
    ['', 'abc', `4:1234567:${'x'.repeat(40)}`, '\0', 'x'.repeat(1_000_000)].map((chain): [string, Spoil] => [
      `chain ${JSON.stringify(chain.slice(0, 30))}`,
      (redis, { head }) => redis.hset(head, 'chain', chain),
    ]),
  ),
  'prolong "abc"': (redis, { head }) => redis.hset(head, 'prolong', 'abc'),
  'prolong 1e400': (redis, { head }) => redis.hset(head, 'prolong', '1e400'),
  'prolong far ahead': (redis, { head }) => redis.hset(head, 'prolong', '8000000000000000'),
  'a list as head': (redis, { head }) => redis.multi().del(head).lpush(head, 'x').exec(),
  'a string as head': (redis, { head }) => redis.set(head, 'x'),
  'a string as log': (redis, { log }) => redis.set(log, 'x'),
  'a hash as log': (redis, { log }) => redis.multi().del(log).hset(log, 'r', 'x').exec(),
  'an entry far ahead': (redis, { log }) => redis.xadd(log, '99999999-0', 'r', 'x'),
  'an entry with the last id': (redis, { log }) => redis.xadd(log, END_OF_IDS, 'r', 'x'),
  'an entry beside another': (redis, { log }) => redis.xadd(log, '4-7', 'x', 'y', 'z', ''),
  'no log': (redis, { log }) => redis.del(log),
  'a string as set': (redis, { set }) => redis.set(set, 'x'),
  'a hash as set': (redis, { set }) => redis.multi().del(set).hset(set, 'a', 1).exec(),
  'score inf': (redis, { set }) => redis.zadd(set, '+inf', '9'),
  'score -inf': (redis, { set }) => redis.zadd(set, '-inf', '9'),
  'score beyond all dates': (redis, { set }) => redis.zadd(set, '1e300', '9'),
  'end inf': (redis, { set }) => redis.zadd(set, '+inf', 'ended'),
}

describe('Redis with a spoiled key', () => {
  const onCleanUp = cleanUpAfterEach()

  const setUp = async (signingKeys: string[]) => {
    const { redis: admin, broker } = await startRedisBroker(onCleanUp, { signingKeys })
    return { admin, broker }
  }

  const recall = (broker: Broker, group: string, seq: number) =>
    broker.publish({ group, messages: [{ seq }], recalledAtMs: seq, receivedAtMs: 5 }, 2_000)

  /** Calls everything that reads a room or its group; nothing may fail. */
  const readAll = async (broker: Broker, room: Room, group: string) => {
    const [head] = await broker.heads([room])
    if (head === undefined) throw new Error('no head')
    const history = await broker.history(room, { ...head, offset: 0 }, 100)
    await broker.historyBefore(room, 1_000, 100)
    await broker.recalled({ group }, [1, 9])
    return { head, history }
  }

  it('is read backwards past entries that nobody can read, which are counted', async () => {
    const { admin, broker } = await setUp(['k'.repeat(32)])
    for (const seq of [1, 2]) await recall(broker, 'g', seq)
    await admin.hincrby(KEYS.head('group:g'), 'offset', 1)
    await admin.xadd(KEYS.log('group:g'), '3-0', 'r', 'x')
    await admin.xadd(KEYS.log('group:g'), '3-7', 'x', 'y', 'z', '')
    await recall(broker, 'g', 4)
    const read = async (before: number, limit: number) => {
      const { notices, ...rest } = await broker.historyBefore({ group: 'g' }, before, limit)
      return {
        offsets: notices.map(({ offset }) => offset),
        unreadable: rest.unreadable,
        first: rest.firstOffset,
      }
    }
    expect(await read(10, 10)).to.deep.equal({ offsets: [1, 2, 4], unreadable: 2, first: 1 })
    expect(await read(10, 2)).to.deep.equal({ offsets: [4], unreadable: 1, first: 3 })
    expect(await read(1, 2)).to.deep.equal({ offsets: [], unreadable: 0, first: undefined })
  })

  it('notes who was told whatever stands there, and blocks no other', async () => {
    const { admin, broker } = await setUp([])
    const room = { group: 'g' }
    const key = KEYS.told(roomName(room))
    for (let seq = 1; seq <= 4; seq++) await recall(broker, 'g', seq)
    const note = (offset: number) => broker.noteTold([{ room, offset, receivedAtMs: 5, atMs: 10, node: 'n' }])
    for (const low of [...OFFSETS, ...HUGE, '-inf', '-1e300', '-1e12', '0', '1']) {
      await admin.hset(key, 'low', low)
      await note(3)
      const told = await broker.told({ room, first: 1, last: 4 })
      expect(told.get(3), low.slice(0, 30)).to.deep.equal({ receivedAtMs: 5, atMs: 10, node: 'n' })
    }
    await admin.set(key, 'x')
    await note(4)
    expect([...(await broker.told({ room, first: 1, last: 4 })).keys()]).to.deep.equal([4])
  })

  it('keeps notes of who was told for as long as the log that they are about', async () => {
    const { admin, broker } = await setUp([])
    const room = { group: 'g' }
    const [head, log, told] = [KEYS.head(roomName(room)), KEYS.log(roomName(room)), KEYS.told(roomName(room))]
    await recall(broker, 'g', 1)
    await broker.noteTold([{ room, offset: 1, receivedAtMs: 5, atMs: 10, node: 'n' }])
    // As after a time in which nobody was told, and recalls went on.
    for (const key of [log, told]) await admin.pexpire(key, 5_000)
    await admin.hset(head, 'prolong', '1')
    await recall(broker, 'g', 2)
    expect(await admin.pttl(log)).to.be.within(60_000, 64_000)
    expect(await admin.pttl(told)).to.be.within(60_000, 64_000)
    expect((await broker.told({ room, first: 1, last: 2 })).size).to.equal(1)
  })

  for (const [kind, signingKeys] of Object.entries({ unsigned: [], signed: ['k'.repeat(32)] })) {
    it(`takes it for lost, and serves on (${kind})`, async () => {
      const { admin, broker } = await setUp(signingKeys)
      let n = 0
      for (const [name, spoil] of Object.entries(SPOILED)) {
        for (const isRead of [true, false]) {
          const group = `g${++n}`
          const room = { group }
          for (let seq = 1; seq <= 4; seq++) await recall(broker, group, seq)
          const names = { head: roomName(room), log: roomName(room) }
          await spoil(admin, {
            head: KEYS.head(names.head),
            log: KEYS.log(names.log),
            set: KEYS.recalled({ group }),
          })
          if (isRead) await readAll(broker, room, group)
          const published = await recall(broker, group, 9)
          expect(published.duplicate, name).to.equal(false)
          const { head, history } = await readAll(broker, room, group)
          // Not the epoch: a log that reached an offset again gets another one.
          expect(published.positions[0]?.position.offset, name).to.equal(head.offset)
          expect(head.offset, name).to.be.within(1, 999_999_999_999_999)
          const last = await broker.history(room, { ...head, offset: head.offset - 1 }, 100)
          expect(last.gap === undefined && last.notices.map(({ messages }) => messages), name).to.deep.equal([
            [{ seq: 9 }],
          ])
          expect(await broker.recalled({ group }, [9]), name).to.deep.equal([{ seq: 9, atMs: 9 }])
          // Whatever still counts from before is what was delivered; the rest is a gap, never something else.
          if (history.gap === undefined)
            for (const { offset, messages } of history.notices.slice(0, -1))
              expect(messages, name).to.deep.equal([{ seq: offset }])
          // A deleted log gets its TTL when it is next due.
          if (name !== 'no log') expect(await admin.pttl(KEYS.log(names.log)), name).to.be.within(1, 64_000)
          await broker.endGroup(group, 5)
          expect(await broker.recalled({ group }, [1, 9]), name).to.deep.equal([{ seq: 9, atMs: 9 }])
        }
      }
    })
  }

  it('in the room of all recalls, or of heartbeats', async () => {
    const { admin, broker } = await setUp([])
    await recall(broker, 'g', 1)
    const spoiled = [KEYS.head('feed'), KEYS.log('feed'), KEYS.heartbeats, KEYS.topics('g')]
    for (const key of spoiled) await admin.set(key, 'x')
    expect(await broker.heartbeats()).to.deep.equal([])
    await broker.heartbeat('one', 'text')
    expect(await broker.heartbeats()).to.have.length(1)
    await broker.endGroup('g', 1)
    const published = await broker.publish(
      { group: 'g', topic: 't', messages: [{ seq: 2 }], recalledAtMs: 2, receivedAtMs: 5 },
      2_000,
    )
    expect(published.positions).to.have.length(3)
    await readAll(broker, FEED, 'g')
  })

  it('in the place of records', async () => {
    const { admin, broker } = await setUp(['k'.repeat(32)])
    const key = KEYS.records('audit')
    const read = async (limit: number) =>
      (await broker.records('audit', { limit })).records.map(({ text }) => text)
    await admin.set(key, 'x')
    expect(await read(10)).to.deep.equal([])
    await broker.record('audit', 'first')
    expect(await admin.pttl(key)).to.be.within(89 * 86_400_000, 90 * 86_400_000)
    const stored = async (of: string) => (await admin.xrange(of, '-', '+'))[0]?.[1] ?? []
    const [, signed = ''] = await stored(key)
    await broker.record('health', 'of another name')
    // Forged, of another name, torn, not signed, with other fields, by a version that nobody can read yet; 1,200 of them.
    await admin.xadd(key, '*', 't', `${'0'.repeat(64)}::1:forged`, 'v', '2')
    await admin.xadd(key, '*', ...(await stored(KEYS.records('health'))))
    await admin.xadd(key, '*', 't', signed.slice(0, -1), 'v', '2')
    for (let i = 0; i < 1_200; i++) await admin.xadd(key, '*', 't', `${Date.now()}:unsigned ${i}`)
    await admin.xadd(key, '*', 'other', 'fields', 'x', 'y')
    await admin.xadd(key, '*', 't', signed, 'v', '99')
    // From then on, Redis takes this for the time of each record.
    await admin.xadd(key, '9999999999999-0', 'x', 'y')
    // One that looks old, because a clock was wrong, hides none of the others.
    const { now } = Date
    Date.now = () => 1
    await broker.record('audit', 'old').finally(() => (Date.now = now))
    await broker.record('audit', 'last')
    const {
      records: [last],
      unreadable,
    } = await broker.records('audit', { limit: 1 })
    expect(unreadable).to.equal(0)
    expect(Date.now() - (last?.atMs ?? 0)).to.be.within(0, 10_000)
    expect(await read(10)).to.deep.equal(['last', 'first'])
    const next = await broker.records('audit', { before: last?.id, limit: 1 })
    expect([next.records.map(({ text }) => text), next.unreadable]).to.deep.equal([['first'], 1_204])
    await admin.xadd(key, END_OF_IDS, 'x', 'y')
    await broker.record('audit', 'after the end of ids')
    expect(await read(1_000)).to.deep.equal(['after the end of ids'])
  })

  it('in the place of a marker', async () => {
    const { admin, broker } = await setUp([])
    const place = { name: 'f', from: 'w', to: 'w' }
    for (const marker of [...OFFSETS.filter((text) => text !== ''), ...HUGE.slice(1)]) {
      await admin.hset(KEYS.marker('f'), 'w', marker)
      expect(await broker.mark(place, 5, undefined), marker).to.deep.equal({
        before: undefined,
        isStored: true,
      })
    }
  })
})
