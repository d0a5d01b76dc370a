import { expect } from 'chai'
import { roomNamedBy, roomsMeantBy, toFilter } from '../../server/api/filter-query.ts'
import { search } from '../../server/api/log-search.ts'
import type { Cursor } from '../../server/api/log-search.ts'
import type { Broker, BrokerOptions } from '../../server/broker/broker.ts'
import type { Recall } from '../../shared/recall.ts'
import { FEED } from '../../shared/room.ts'
import type { Room } from '../../shared/room.ts'
import { BROKER_FIXTURES } from '../support/brokers.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { waitUntil } from '../support/wait.ts'

const BOUNDS = { entries: 1_000, ms: 10_000 }

for (const kind of ['embedded', 'redis']) {
  describe(`a search of the ${kind} broker`, () => {
    const onCleanUp = cleanUpAfterEach()
    let broker: Broker

    async function open(options: Partial<BrokerOptions> = {}): Promise<void> {
      const fixture = await BROKER_FIXTURES[kind]?.()
      if (fixture === undefined) throw new Error('there is no such broker')
      onCleanUp(() => fixture.close())
      broker = fixture.create({ historySize: 1_000, ...options })
      await broker.start()
      onCleanUp(() => broker.stop())
    }

    const publish = (group: string, seq: number, fields: Partial<Recall> = {}) =>
      broker.publish(
        { group, messages: [{ seq }], recalledAtMs: seq, receivedAtMs: 1_000 + seq, ...fields } as Recall,
        2_000,
      )

    interface Asked {
      readonly limit?: number
      readonly bounds?: Partial<typeof BOUNDS>
      readonly cursor?: Cursor | undefined
      readonly log?: Pick<Broker, 'entries'>
    }
    const ask = (q: string, { limit = 100, bounds = {}, cursor, log = broker }: Asked = {}) => {
      const filter = toFilter(q)
      const asked = { filter, room: roomNamedBy(filter), others: roomsMeantBy(filter), cursor, limit }
      return search(log, asked, { ...BOUNDS, ...bounds })
    }
    /** When the store kept the entry at this offset. */
    const keptAt = async (room: Room, offset = 1) =>
      (await broker.entries(room, offset - 1, 1)).entries[0]?.link?.keptAtMs ?? NaN
    type Found = Awaited<ReturnType<typeof ask>>
    const seqsOf = ({ hits }: Found) => hits.flatMap(({ notice }) => notice.messages.map(({ seq }) => seq))

    /** Follows the cursors. */
    async function askAll(q: string, asked: Asked): Promise<Found[]> {
      const pages = [await ask(q, asked)]
      for (let cursor = pages[0]?.cursor; cursor !== undefined; cursor = pages.at(-1)?.cursor)
        pages.push(await ask(q, { ...asked, cursor }))
      return pages
    }

    it('finds each recall once, the newest first, however the pages are cut, and says what it looked at', async () => {
      await open()
      const seqs = Array.from({ length: 250 }, (_, i) => i + 1)
      for (const seq of seqs) await publish(seq % 10 === 0 ? 'tens' : 'others', seq)
      const keptSince = await keptAt(FEED)
      const tens = seqs.filter((seq) => seq % 10 === 0).toReversed()
      for (const asked of [
        { limit: 100 },
        { limit: 1 },
        { limit: 7 },
        { bounds: { entries: 1 } },
        { bounds: { entries: 99 } },
        { bounds: { ms: 0 } },
      ]) {
        const pages = await askAll('ten -seq:300', asked)
        expect(pages.flatMap(seqsOf), JSON.stringify(asked)).to.deep.equal(tens)
        const entries = pages.reduce((sum, { searched }) => sum + searched.entries, 0)
        expect(entries, JSON.stringify(asked)).to.equal(250)
        for (const { keptSinceMs, searched } of pages) {
          expect(keptSinceMs).to.equal(keptSince)
          expect(searched.room).to.deep.equal(FEED)
          expect(searched.entries).to.be.at.most(asked.bounds?.entries ?? 250)
        }
      }
      const [first] = await askAll('ten', { limit: 2 })
      expect(first?.searched).to.include({
        toMs: await keptAt(FEED, 250),
        fromMs: await keptAt(FEED, 250 - (first?.searched.entries ?? 0) + 1),
      })
      const none = await ask('nothing')
      expect(none).to.deep.include({ hits: [], keptSinceMs: keptSince })
      expect(none).to.not.have.any.keys('cursor', 'beyond')
    })

    it('takes the log of the conversation that is named if it reaches back further than the feed', async () => {
      await open({ historySize: 10 })
      for (let seq = 1; seq <= 5; seq++) await publish('g', seq)
      await publish('g', 6, { topic: 't' })
      for (let seq = 101; seq <= 120; seq++) await publish('other', seq)
      const found = await ask('group:g seq:2-9')
      expect(seqsOf(found)).to.deep.equal([6, 5, 4, 3, 2])
      const own = { group: 'g' }
      expect(found.keptSinceMs).to.equal(await keptAt(own))
      expect(found.searched).to.deep.equal({
        room: own,
        entries: 6 + 10,
        fromMs: await keptAt(own),
        toMs: await keptAt(FEED, 26),
      })
      expect(found).to.not.have.any.keys('cursor', 'beyond')
      const [ofOwn, ofFeed, ...more] = await askAll('group:g', { bounds: { entries: 6 } })
      expect(ofOwn?.searched).to.deep.include({ room: own, entries: 6, toMs: await keptAt(own, 6) })
      expect(ofFeed).to.deep.include({ hits: [], keptSinceMs: await keptAt(own) })
      expect(ofFeed?.searched).to.deep.include({ room: FEED, entries: 6 })
      expect(more.map(({ searched }) => searched.entries)).to.deep.equal([4])
      expect((await ask('group:g topic:t')).searched.room).to.deep.equal({ group: 'g', topic: 't' })
      const ofUnused = await ask('group:unused')
      expect(ofUnused.searched).to.deep.include({ room: FEED, entries: 10 })
      expect(ofUnused).to.not.have.property('beyond')
      expect(await broker.entries({ group: 'unused' }, 0, 1), 'asking makes no log').to.deep.equal({
        entries: [],
      })
    })

    it('goes on, behind the feed, in the logs of several groups that are named, and of one that a bare word may name', async () => {
      await open({ historySize: 10 })
      for (let seq = 1; seq <= 8; seq++) await publish(seq % 2 === 0 ? 'g' : 'h', seq)
      const latest = await keptAt({ group: 'g' }, 4)
      // Entries of one millisecond cannot be told apart.
      await waitUntil('the clock goes on', () => Date.now() > latest + 1)
      for (let seq = 101; seq <= 115; seq++) await publish(seq === 110 ? 'g' : 'other', seq)
      for (const asked of [{}, { limit: 1 }, { bounds: { entries: 1 } }]) {
        const pages = await askAll('group:g,h', asked)
        expect(pages.flatMap(seqsOf), JSON.stringify(asked)).to.deep.equal([110, 8, 6, 4, 2, 7, 5, 3, 1])
        for (const page of pages) expect(page).to.not.have.property('beyond')
        expect(pages.at(-1)).to.deep.include({ keptSinceMs: await keptAt(FEED, 14) })
        expect(pages.at(-1)?.searched.room).to.deep.equal({ group: 'h' })
      }
      const ofWord = await askAll('h 3', {})
      expect(ofWord.flatMap(seqsOf)).to.deep.equal([3])
      expect(ofWord.map(({ beyond }) => beyond)).to.deep.equal(['conversations', 'conversations'])
      expect((await askAll('seq:3', {})).map(({ beyond }) => beyond)).to.deep.equal(['conversations'])
      const first = await ask('h 3')
      await broker.endGroup('h', 50)
      expect(await ask('h 3', { cursor: first.cursor }), 'it was emptied').to.deep.include({ hits: [] })
    })

    it('finds none twice, and misses none, where the feed begins, however its times and those of the logs differ', async () => {
      await open({ historySize: 10 })
      const logWith = (keptInFeedMs: number) => ({
        async entries(...call: Parameters<Broker['entries']>) {
          const { entries, ...part } = await broker.entries(...call)
          const keptAtMs = call[0] === FEED ? keptInFeedMs : 1_000
          return {
            ...part,
            entries: entries.map((entry) => ({ ...entry, link: entry.link && { ...entry.link, keptAtMs } })),
          }
        },
      })
      for (let seq = 1; seq <= 6; seq++) await publish('g', seq)
      for (const keptInFeedMs of [1_000, 1_002]) {
        const pages = await askAll('g', { log: logWith(keptInFeedMs) })
        expect(pages.flatMap(seqsOf), `${keptInFeedMs}`).to.deep.equal([6, 5, 4, 3, 2, 1])
        expect(pages.at(-1), 'the feed has dropped nothing').to.not.have.property('beyond')
      }
      for (let seq = 7; seq <= 9; seq++) await publish('g', seq)
      for (let seq = 10; seq <= 12; seq++) await publish('other', seq)
      const pages = await askAll('g', { log: logWith(1_000) })
      expect(pages.flatMap(seqsOf), 'all in one millisecond').to.deep.equal([9, 8, 7, 6, 5, 4, 3, 2, 1])
    })

    it('takes the feed for a group that was dismissed, also if all was within a millisecond', async () => {
      await open()
      await publish('g', 1)
      await publish('g', 2)
      await broker.endGroup('g', 50)
      await publish('g', 60)
      const log: Pick<Broker, 'entries'> = {
        async entries(...args) {
          const part = await broker.entries(...args)
          const inOneMs = part.entries.map((entry) => ({ ...entry, link: { link: '', keptAtMs: 5 } }))
          return { ...part, entries: inOneMs }
        },
      }
      for (const found of [await ask('group:g'), await ask('group:g', { log })]) {
        expect(seqsOf(found)).to.deep.equal([60, 2, 1])
        expect(found.searched.room).to.deep.equal(FEED)
      }
    })

    it('goes on, behind the log of a group, in the feed, which alone has what came late of the group before it', async () => {
      await open({ historySize: 300 })
      await broker.endGroup('g', 1_000)
      const late = (seq: number) => publish('g', seq, { recalledAtMs: 500 })
      await late(1)
      for (let seq = 2_001; seq <= 2_150; seq++) await publish('g', seq)
      for (let seq = 1; seq <= 160; seq++) await publish('other', seq)
      await late(2)
      for (let seq = 2_151; seq <= 2_270; seq++) await publish('g', seq)
      await late(3)
      const own = Array.from({ length: 270 }, (_, i) => 2_270 - i)
      for (const asked of [
        {},
        { limit: 29 },
        { limit: 1_000, bounds: { entries: 1_000 } },
        { bounds: { entries: 41 } },
      ]) {
        const pages = await askAll('group:g', asked)
        expect(pages.flatMap(seqsOf), JSON.stringify(asked)).to.deep.equal([...own, 3, 2])
        for (const page of pages) {
          expect(page).to.not.have.any.keys('beyond', 'restarted')
          expect(page.keptSinceMs).to.equal(await keptAt({ group: 'g' }))
        }
      }
      expect((await askAll('group:g seq:1-10', {})).flatMap(seqsOf)).to.deep.equal([3, 2])
      expect((await askAll('group:g topic:t', {})).flatMap(seqsOf)).to.be.empty
    })

    it('begins anew if the group is dismissed while the feed is looked through behind its log', async () => {
      await open({ historySize: 10 })
      for (let seq = 1; seq <= 5; seq++) await publish('g', seq)
      for (let seq = 101; seq <= 108; seq++) await publish('other', seq)
      const { cursor } = await ask('group:g', { limit: 5 })
      expect(cursor?.log).to.equal('rest')
      await broker.endGroup('g', 50)
      const again = await ask('group:g', { cursor })
      expect(again.restarted).to.equal(true)
      expect(seqsOf(again)).to.deep.equal([5, 4])
      expect(again).to.not.have.property('cursor')
    })

    it('counts what nobody can read once, of what the log of a group and the feed both hold', async () => {
      await open({ historySize: 10 })
      for (let seq = 1; seq <= 5; seq++) await publish('g', seq)
      for (let seq = 101; seq <= 107; seq++) await publish('other', seq)
      const log = {
        async entries(...call: Parameters<Broker['entries']>) {
          const { entries, ...part } = await broker.entries(...call)
          return { ...part, entries: entries.map((entry) => ({ ...entry, notice: null })) }
        },
      }
      const pages = await askAll('group:g', { log })
      expect(pages.map(({ searched }) => searched.unreadable)).to.deep.equal([5 + 7])
    })

    it('reaches back to when the oldest was kept, not to when that was received in a spool', async () => {
      await open({ historySize: 10 })
      for (let seq = 1; seq <= 20; seq++) await publish('g', seq, { receivedAtMs: 5 })
      expect((await ask('')).keptSinceMs).to.equal(await keptAt(FEED, 11))
    })

    it('goes on where it was, and tells its new beginning, if the log is trimmed meanwhile', async () => {
      await open({ historySize: 50 })
      for (let seq = 1; seq <= 50; seq++) await publish('g', seq)
      const { cursor } = await ask('', { limit: 10 })
      for (let seq = 51; seq <= 80; seq++) await publish('g', seq)
      const rest = await ask('', { cursor })
      expect(seqsOf(rest)).to.deep.equal(Array.from({ length: 10 }, (_, i) => 40 - i))
      expect(rest.keptSinceMs).to.equal(await keptAt(FEED, 31))
    })

    it('finds a recall once, which all logs keep with one time, however long it takes to store it', async () => {
      await open()
      const { now } = Date
      let ms = now()
      Date.now = () => (ms += 5)
      onCleanUp(() => (Date.now = now))
      for (const seq of [1, 2]) await publish('g', seq)
      expect((await askAll('g', {})).flatMap(seqsOf)).to.deep.equal([2, 1])
      expect(await keptAt(FEED)).to.equal(await keptAt({ group: 'g' }))
    })

    it('finds nothing, and says so, where nothing was ever recalled', async () => {
      await open()
      for (const q of ['', 'group:g'])
        expect(await ask(q)).to.deep.equal({
          hits: [],
          searched: { room: FEED, entries: 0, fromMs: null, toMs: null },
          keptSinceMs: null,
        })
    })

    it('begins anew when the log gets another epoch, between two requests or within one', async () => {
      await open()
      for (let seq = 1; seq <= 220; seq++) await publish('g', seq)
      const { cursor } = await ask('', { limit: 30 })
      const renew = async () => await broker.newEpoch(FEED, (await broker.heads([FEED]))[0]?.epoch ?? '', 100)
      await renew()
      const again = await ask('', { limit: 30, cursor })
      expect(again.restarted).to.equal(true)
      expect(seqsOf(again)[0]).to.equal(220)
      let reads = 0
      const log = {
        async entries(...call: Parameters<Broker['entries']>) {
          if (++reads === 3) await renew()
          return await broker.entries(...call)
        },
      }
      const found = await ask('', { limit: 1_000, log })
      expect(seqsOf(found)).to.deep.equal(Array.from({ length: 220 }, (_, i) => 220 - i))
      const [head] = await broker.heads([FEED])
      expect(new Set(found.hits.map(({ epoch }) => epoch))).to.deep.equal(new Set([head?.epoch]))
      const always = {
        async entries(...call: Parameters<Broker['entries']>) {
          await renew()
          return await broker.entries(...call)
        },
      }
      const error: unknown = await ask('', { log: always }).catch((reason: unknown) => reason)
      expect(error).to.include({ code: 'BROKER_UNAVAILABLE' })
    })

    it('counts what nobody can read, and goes on behind it', async () => {
      await open()
      for (let seq = 1; seq <= 120; seq++) await publish('g', seq)
      const log = {
        async entries(...call: Parameters<Broker['entries']>) {
          const { entries, ...part } = await broker.entries(...call)
          const isUnreadable = (offset: number) => offset <= 12 || offset % 3 === 0
          const some = entries.map((entry) =>
            isUnreadable(entry.offset) ? { ...entry, notice: null } : entry,
          )
          return { ...part, entries: some }
        },
      }
      const pages = await askAll('', { log, limit: 50 })
      expect(pages.flatMap(seqsOf)).to.have.length(72)
      expect(new Set(pages.flatMap(seqsOf)).size).to.equal(72)
      expect(pages[0]?.keptSinceMs, 'of one that nobody can read').to.equal(await keptAt(FEED))
      expect(pages.some(({ searched }) => (searched.unreadable ?? 0) > 10)).to.equal(true)
    })

    it('returns about a megabyte at a time', async () => {
      await open()
      const messages = Array.from({ length: 1_000 }, (_, i) => ({ seq: i + 1, id: `${i}`.padStart(40, '0') }))
      for (let n = 0; n < 40; n++) await publish(`g${n}`, n, { messages, recalledAtMs: n + 1 })
      const pages = await askAll('', {})
      expect(pages.flatMap(({ hits }) => hits.map(({ notice }) => notice.group))).to.deep.equal(
        Array.from({ length: 40 }, (_, n) => `g${39 - n}`),
      )
      for (const { hits } of pages) expect(Buffer.byteLength(JSON.stringify(hits))).to.be.lessThan(1_100_000)
    })
  })
}
