import { expect } from 'chai'
import type { Broker, BrokerOptions } from '../../server/broker/broker.ts'
import type { StoredEntry } from '../../server/broker/log-reading.ts'
import type { GroupConversation } from '../../shared/conversation.ts'
import { GatewayError } from '../../shared/errors.ts'
import type { Conversation } from '../../shared/conversation.ts'
import type { Notice } from '../../shared/notice.ts'
import type { Recall } from '../../shared/recall.ts'
import { FEED } from '../../shared/room.ts'
import type { Room } from '../../shared/room.ts'
import type { ToldNote } from '../../server/broker/told.ts'
import { RECORD_LIMITS } from '../../server/broker/records.ts'
import { expectChain, storedEntries } from '../support/chain.ts'
import { BROKER_FIXTURES } from '../support/brokers.ts'
import type { BrokerFixture } from '../support/brokers.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { waitUntil } from '../support/wait.ts'
import { seqsOf } from '../support/seqs.ts'

const TIMEOUT_MS = 2_000

type GroupRecall = Recall & GroupConversation
type Fields = Partial<GroupRecall>

const recallOf = (group: string, seqs: readonly number[], fields: Fields = {}): GroupRecall => ({
  group,
  messages: seqs.map((seq) => ({ seq })),
  recalledAtMs: 1_670_000_000_000,
  receivedAtMs: 1_700_000_000_000,
  ...fields,
})

const allSeqsOf = (notices: readonly Notice[]): number[][] => notices.map(({ messages }) => seqsOf(messages))

for (const [kind, openFixture] of Object.entries(BROKER_FIXTURES)) {
  describe(`${kind} broker`, () => {
    const onCleanUp = cleanUpAfterEach()
    let fixture: BrokerFixture
    let broker: Broker
    /** The one that is open, where only one can be. */
    let latest: Broker

    const open = async (options: Partial<BrokerOptions> = {}): Promise<Broker> => {
      const opened = fixture.create(options)
      await opened.start()
      onCleanUp(() => opened.stop())
      return opened
    }

    /** Subscribes to a room and records what arrives. */
    const listen = async (room: Room, to = broker) => {
      const received: { notice: Notice; epoch: string }[] = []
      const subscription = await to.subscribe(room, {
        onNotice: (notice, epoch) => received.push({ notice, epoch }),
        onInterrupted: () => undefined,
      })
      return { received, leave: () => subscription.leave() }
    }

    const publish = (recall: Recall) => broker.publish(recall, TIMEOUT_MS)

    beforeEach(async () => {
      fixture = await openFixture()
      onCleanUp(() => fixture.close())
      broker = latest = await open()
    })

    describe('publish', () => {
      it('puts a recall in a topic into the topic room, the group room and the feed, once each', async () => {
        const rooms: Room[] = [{ group: 'g', topic: 't' }, { group: 'g' }, FEED]
        const inRooms = await Promise.all(rooms.map((room) => listen(room)))
        const elsewhere = await Promise.all([listen({ group: 't' }), listen({ group: 'g', topic: 'other' })])

        const published = await publish(recallOf('g', [130], { topic: 't' }))

        expect(published.duplicate).to.equal(false)
        expect(published.positions.map(({ room }) => room)).to.deep.equal(rooms)
        for (const [i, { received }] of inRooms.entries()) {
          await waitUntil('the notice arrives', () => received.length > 0)
          expect(received).to.have.length(1)
          const position = published.positions[i]?.position
          expect(received[0]?.epoch).to.equal(position?.epoch)
          expect(received[0]?.notice).to.deep.equal({ ...recallOf('g', [130], { topic: 't' }), offset: 1 })
        }
        expect(elsewhere.flatMap(({ received }) => received)).to.be.empty
      })

      it('returns no positions for a repeated recall and delivers nothing', async () => {
        const { received } = await listen({ group: 'g' })
        await publish(recallOf('g', [130]))
        expect(await publish(recallOf('g', [130], { receivedAtMs: 5 }))).to.deep.equal({
          duplicate: true,
          positions: [],
        })
        await publish(recallOf('g', [131]))
        await waitUntil('the later notice', () => received.length > 1)
        expect(allSeqsOf(received.map(({ notice }) => notice))).to.deep.equal([[130], [131]])
      })

      it('delivers only the messages that are new', async () => {
        const { received } = await listen(FEED)
        await publish(recallOf('g', [1, 2]))
        await publish(recallOf('g', [1, 3, 2, 4]))
        await waitUntil('both notices', () => received.length > 1)
        expect(allSeqsOf(received.map(({ notice }) => notice))).to.deep.equal([
          [1, 2],
          [3, 4],
        ])
      })

      it('treats a message recalled at another time as recalled again', async () => {
        await publish(recallOf('g', [130], { recalledAtMs: 1_000 }))
        expect(await publish(recallOf('g', [130], { recalledAtMs: 2_000 }))).to.have.property(
          'duplicate',
          false,
        )
        expect(await broker.recalled({ group: 'g' }, [130])).to.deep.equal([{ seq: 130, atMs: 2_000 }])
      })

      it('treats a recall with an earlier time as a repeat, however often both come', async () => {
        const { received } = await listen({ group: 'g' })
        const at = (recalledAtMs: number) => publish(recallOf('g', [130], { recalledAtMs }))
        const outcomes = []
        for (const time of [100, 200, 100, 200, 100]) outcomes.push(await at(time))
        expect(outcomes.map(({ duplicate }) => duplicate)).to.deep.equal([false, false, true, true, true])
        expect(await broker.recalled({ group: 'g' }, [130])).to.deep.equal([{ seq: 130, atMs: 200 }])
        await publish(recallOf('g', [131]))
        await waitUntil('the last notice', () => received.at(-1)?.notice.messages[0]?.seq === 131)
        expect(received.map(({ notice }) => notice.recalledAtMs)).to.deep.equal([100, 200, 1_670_000_000_000])
      })

      it('treats an untimed recall within an hour as a repeat, and a later one as new', async () => {
        const at = (recalledAtMs: number) => recallOf('g', [130], { untimed: true, recalledAtMs })
        await publish(at(0))
        expect(await publish(at(3_599_999))).to.have.property('duplicate', true)
        expect(await publish(at(3_600_000))).to.have.property('duplicate', false)
      })

      it('treats the same seq in another group or in a topic as a different message', async () => {
        await publish(recallOf('g', [130]))
        expect(await publish(recallOf('h', [130]))).to.have.property('duplicate', false)
        expect(await publish(recallOf('g', [130], { topic: 't' }))).to.have.property('duplicate', false)
      })

      it('gives concurrent recalls consecutive offsets and delivers them in order', async () => {
        const { received } = await listen({ group: 'g' })
        const all = await Promise.all(Array.from({ length: 200 }, (_, i) => publish(recallOf('g', [i + 1]))))
        const offsets = all.flatMap(({ positions }) => positions.map(({ position }) => position.offset))
        expect(new Set(offsets).size).to.equal(200)
        await waitUntil('all notices', () => received.length === 200)
        const expected = Array.from({ length: 200 }, (_, i) => i + 1)
        expect(received.map(({ notice }) => notice.offset)).to.deep.equal(expected)
      })

      it('stores every character of identifiers and the largest seq exactly', async () => {
        const printable = Array.from({ length: 0x7f - 0x20 }, (_, i) => String.fromCharCode(0x20 + i)).join(
          '',
        )
        const group = `${printable}群🎉`
        const message = { seq: Number.MAX_SAFE_INTEGER, id: '144115213033478435-1739361321-2512805311' }
        const { received } = await listen({ group })
        await publish({ ...recallOf(group, []), messages: [message], operator: printable })
        await waitUntil('the notice', () => received.length === 1)
        expect(received[0]?.notice).to.deep.include({ group, messages: [message], operator: printable })
        expect(await broker.recalled({ group }, [message.seq])).to.have.length(1)
      })

      it('expires the recalled set after its TTL', async () => {
        const options = { recalledTtlS: 4 }
        let short = fixture.shared ? await open(options) : await reopen(options)
        const many = Array.from({ length: 2_500 }, (_, i) => i + 1)
        await short.publish(recallOf('g', many), TIMEOUT_MS)
        expect(await short.recalled({ group: 'g' }, many)).to.have.length(many.length)
        let seq = 0
        await waitUntil('the set expires', async () => {
          await short.publish(recallOf('active', [++seq]), TIMEOUT_MS)
          // The embedded broker sweeps when it starts, and then every hour.
          if (!fixture.shared) short = await reopen(options)
          return (await short.recalled({ group: 'g' }, many)).length === 0
        })
        const all = Array.from({ length: seq }, (_, i) => i + 1)
        expect(await short.recalled({ group: 'active' }, all), 'an active set').to.have.length(seq)
      })

      it('expires the recalled set of a group regardless of recalls in its topics', async () => {
        const options = { recalledTtlS: 4 }
        let short = fixture.shared ? await open(options) : await reopen(options)
        await short.publish(recallOf('g', [1], { topic: 't' }), TIMEOUT_MS)
        await short.publish(recallOf('g', [1]), TIMEOUT_MS)
        expect(await short.recalled({ group: 'g' }, [1])).to.have.length(1)
        let seq = 1
        await waitUntil('the set expires', async () => {
          await short.publish(recallOf('g', [++seq], { topic: 't' }), TIMEOUT_MS)
          if (!fixture.shared) short = await reopen(options)
          return (await short.recalled({ group: 'g' }, [1])).length === 0
        })
      })

      it('stores a recall of 1,000 messages', async () => {
        const seqs = Array.from({ length: 1_000 }, (_, i) => i + 1)
        await publish(recallOf('g', seqs))
        expect(await broker.recalled({ group: 'g' }, seqs)).to.have.length(1_000)
        expect(await publish(recallOf('g', seqs))).to.have.property('duplicate', true)
      })
    })

    describe('subscribe', () => {
      it('delivers nothing to a listener that left', async () => {
        const [gone, stays] = [await listen({ group: 'g' }), await listen({ group: 'g' })]
        gone.leave()
        gone.leave()
        await publish(recallOf('g', [1]))
        await waitUntil('the other listener gets it', () => stays.received.length === 1)
        expect(gone.received).to.be.empty
      })

      it('delivers to a listener that left and came back', async () => {
        for (let round = 0; round < 20; round++) (await listen({ group: 'g' })).leave()
        const { received } = await listen({ group: 'g' })
        await publish(recallOf('g', [1]))
        await waitUntil('the notice', () => received.length === 1)
      })
    })

    describe('history and heads', () => {
      it('start at offset 0 for an unused room, under an epoch that stays', async () => {
        const [head] = await broker.heads([{ group: 'new' }])
        expect(head?.offset).to.equal(0)
        expect(await broker.heads([{ group: 'new' }])).to.deep.equal([head])
        if (head)
          expect(await broker.history({ group: 'new' }, head, 10)).to.deep.equal({ notices: [], head })
      })

      it('return heads in the order requested, even for many rooms', async () => {
        await publish(recallOf('g7', [1]))
        const rooms = Array.from({ length: 450 }, (_, i) => ({ group: `g${i}` }))
        const heads = await broker.heads(rooms)
        expect(heads.map(({ offset }) => offset)).to.deep.equal(
          rooms.map(({ group }) => (group === 'g7' ? 1 : 0)),
        )
      })

      it('return parts of logs in the order requested, and where the logs end, even for many rooms', async () => {
        for (const seq of [1, 2, 3, 4, 5]) await publish(recallOf('g7', [seq]))
        const parts = Array.from({ length: 100 }, (_, i) => ({ room: { group: `g${i}` }, first: 2, last: 3 }))
        const excerpts = await broker.excerpts(parts)
        expect(excerpts.map(({ head }) => head)).to.deep.equal(
          await broker.heads(parts.map(({ room }) => room)),
        )
        for (const [i, { entries }] of excerpts.entries())
          expect(entries.map((entry) => entry?.offset)).to.deep.equal(i === 7 ? [2, 3] : [])
        const of = async (first: number, last: number) =>
          (await broker.excerpts([{ room: { group: 'g7' }, first, last }]))[0]?.entries
        expect(await of(1, 0)).to.deep.equal([])
        expect(await of(5, 9)).to.have.length(1)
        expect(await of(6, 9)).to.deep.equal([])
        const small = fixture.shared ? await open({ historySize: 2 }) : await reopen({ historySize: 2 })
        await small.publish(recallOf('g7', [6]), TIMEOUT_MS)
        const [trimmed] = await small.excerpts([{ room: { group: 'g7' }, first: 1, last: 6 }])
        expect(trimmed?.entries.map((entry) => entry?.offset)).to.deep.equal([5, 6])
        expect(trimmed?.head.offset).to.equal(6)
      })

      it('return the notices after a position, oldest first, in pages', async () => {
        const [start] = await broker.heads([{ group: 'g' }])
        for (const seq of [1, 2, 3, 4, 5]) await publish(recallOf('g', [seq]))
        const epoch = start?.epoch ?? ''
        const first = await broker.history({ group: 'g' }, { epoch, offset: 0 }, 3)
        expect(first.gap === undefined && allSeqsOf(first.notices)).to.deep.equal([[1], [2], [3]])
        expect(first.head).to.deep.equal({ epoch, offset: 5 })
        const second = await broker.history({ group: 'g' }, { epoch, offset: 3 }, 3)
        expect(second.gap === undefined && allSeqsOf(second.notices)).to.deep.equal([[4], [5]])
      })

      it('report a gap for trimmed notices, and none after them', async () => {
        const small = fixture.shared ? await open({ historySize: 3 }) : await reopen({ historySize: 3 })
        for (const seq of [1, 2, 3, 4, 5]) await small.publish(recallOf('g', [seq]), TIMEOUT_MS)
        const [head] = await small.heads([{ group: 'g' }])
        const epoch = head?.epoch ?? ''
        expect(await small.history({ group: 'g' }, { epoch, offset: 1 }, 10)).to.deep.equal({
          gap: 'trimmed',
          head,
        })
        const page = await small.history({ group: 'g' }, { epoch, offset: 2 }, 10)
        expect(page.gap === undefined && allSeqsOf(page.notices)).to.deep.equal([[3], [4], [5]])
      })

      it('still prove that nothing was missed after the notices have expired', async () => {
        const short = fixture.shared ? await open({ historyTtlS: 4 }) : await reopen({ historyTtlS: 4 })
        await short.publish(recallOf('g', [1]), TIMEOUT_MS)
        const [head] = await short.heads([{ group: 'g' }])
        const epoch = head?.epoch ?? ''
        const past = await waitUntil('the notices expire', async () => {
          const history = await short.history({ group: 'g' }, { epoch, offset: 0 }, 10)
          return history.gap === undefined ? undefined : history
        })
        expect(past).to.deep.equal({ gap: 'trimmed', head })
        expect(await short.history({ group: 'g' }, { epoch, offset: 1 }, 10)).to.deep.equal({
          notices: [],
          head,
        })
        const next = await short.publish(recallOf('g', [2]), TIMEOUT_MS)
        expect(next.positions[0]?.position).to.deep.equal({ epoch, offset: 2 })
        const after = await short.history({ group: 'g' }, { epoch, offset: 1 }, 10)
        expect(after.gap === undefined && allSeqsOf(after.notices)).to.deep.equal([[2]])
      })

      it('report a gap for another epoch and for a position ahead of the log, before all that it still holds', async () => {
        const small = fixture.shared ? await open({ historySize: 3 }) : await reopen({ historySize: 3 })
        for (const seq of [1, 2, 3, 4, 5]) await small.publish(recallOf('g', [seq]), TIMEOUT_MS)
        const [head] = await small.heads([{ group: 'g' }])
        const epoch = head?.epoch ?? ''
        const gap = { gap: 'epoch-changed', head, resume: { epoch, offset: 2 } }
        for (const since of [
          { epoch: 'other', offset: 9 },
          { epoch, offset: 6 },
        ])
          expect(await small.history({ group: 'g' }, since, 10)).to.deep.equal(gap)
      })
    })

    describe('historyBefore', () => {
      it('returns the notices before an offset, oldest first, and the head', async () => {
        for (const seq of [1, 2, 3, 4, 5]) await publish(recallOf('g', [seq]))
        const read = async (before: number, limit: number) => {
          const { notices, head } = await broker.historyBefore({ group: 'g' }, before, limit)
          expect(head.offset).to.equal(5)
          return notices.map(({ offset }) => offset)
        }
        expect(await read(Number.MAX_SAFE_INTEGER, 2)).to.deep.equal([4, 5])
        expect(await read(4, 2)).to.deep.equal([2, 3])
        expect(await read(3, 10)).to.deep.equal([1, 2])
        expect(await read(1, 10)).to.deep.equal([])
        const [first] = (await broker.historyBefore({ group: 'g' }, 2, 1)).notices
        expect(first).to.deep.equal({ ...recallOf('g', [1]), offset: 1 })
      })

      it('returns no notices but a head for an unused room', async () => {
        const { notices, head } = await broker.historyBefore({ group: 'unused' }, 10, 10)
        expect(notices).to.deep.equal([])
        expect(await broker.heads([{ group: 'unused' }])).to.deep.equal([head])
      })
    })

    describe('heartbeat', () => {
      it('reaches all processes: the latest of each, and its age', async () => {
        await broker.heartbeat('one', 'first')
        await broker.heartbeat('one', 'second: 群 "')
        await broker.heartbeat('two', 'other')
        const other = fixture.shared ? await open() : broker
        const heartbeats = (await other.heartbeats()).toSorted((a, b) => a.id.localeCompare(b.id))
        expect(heartbeats.map(({ id, text }) => [id, text])).to.deep.equal([
          ['one', 'second: 群 "'],
          ['two', 'other'],
        ])
        for (const { ageMs } of heartbeats) expect(ageMs).to.be.within(0, 5_000)
      })
    })

    describe('announce', () => {
      /** Records announcements. */
      const follow = (from = broker) => {
        const received: string[] = []
        onCleanUp(from.onAnnouncement('revocations', (text) => received.push(text)))
        return received
      }

      it('reaches every listener once and in order, including late ones', async () => {
        const early = follow()
        const texts = Array.from({ length: 30 }, (_, i) => `announcement ${i} 群 " ' \\ \n`)
        for (const text of texts) await broker.announce('revocations', text)
        const late = follow()
        for (const received of [early, late]) {
          await waitUntil('all arrive', () => received.length === texts.length)
          expect(received).to.deep.equal(texts)
        }
        await broker.announce('revocations', 'last')
        for (const received of [early, late])
          await waitUntil('the last one', () => received.at(-1) === 'last')
        expect(late).to.have.length(texts.length + 1)
      })

      it('reaches another process, or the next one', async () => {
        await broker.announce('revocations', 'first')
        const other = fixture.shared ? await open() : await reopen()
        const received = follow(other)
        await waitUntil('it arrives', () => received.length > 0)
        await other.announce('revocations', 'second')
        await waitUntil('the next one arrives', () => received.length > 1)
        expect(received).to.deep.equal(['first', 'second'])
      })

      it('stores the latest 1,000 of a subject, regardless of other subjects', async () => {
        await broker.announce('memberships', 'of another')
        for (let i = 0; i < 1_010; i += 101)
          await Promise.all(
            Array.from({ length: 101 }, (_, j) => broker.announce('revocations', `announcement ${i + j}`)),
          )
        const received = follow()
        await waitUntil('the stored ones arrive', () => received.length > 0)
        expect(received).to.have.length(1_000)
        const others: string[] = []
        onCleanUp(broker.onAnnouncement('memberships', (text) => others.push(text)))
        await waitUntil('the other one arrives', () => others.length > 0)
        expect(others).to.deep.equal(['of another'])
      })
    })

    describe('record', () => {
      const textsOf = (records: readonly { readonly text: string }[]): string[] =>
        records.map(({ text }) => text)

      it('is read by another process, or the next one: newest first, page by page, each name apart', async () => {
        const texts = Array.from({ length: 7 }, (_, i) => `record ${i} 群 " ' \\ : \n`)
        for (const text of texts) await broker.record('audit', text)
        await broker.record('health', 'of another')
        const other = fixture.shared ? await open() : await reopen()
        await other.record('audit', 'last')
        const newestFirst = ['last', ...texts.toReversed()]
        const { records: all, unreadable } = await other.records('audit', { limit: 1_000 })
        expect(unreadable).to.equal(0)
        expect(textsOf(all)).to.deep.equal(newestFirst)
        for (const { atMs } of all) expect(Date.now() - atMs).to.be.within(0, 10_000)
        const paged: string[] = []
        for (let before: string | undefined; ;) {
          const { records: page } = await other.records('audit', { before, limit: 3 })
          paged.push(...textsOf(page))
          if (page.length < 3) break
          before = page.at(-1)?.id
        }
        expect(paged).to.deep.equal(newestFirst)
        expect(textsOf((await other.records('health', { limit: 1_000 })).records)).to.deep.equal([
          'of another',
        ])
      })

      it('has at most 4 KiB, and is continued from an id only', async () => {
        await broker.record('audit', 'x'.repeat(4_096))
        const codeOf = (failing: Promise<unknown>) => failing.catch(({ code }: GatewayError) => code)
        expect(await codeOf(broker.record('audit', '群'.repeat(1_366)))).to.equal('INTERNAL')
        for (const before of ['', 'x', '1-', '-1', '1-2-3', '18446744073709551616', '+', '(', '0-0', '0'])
          expect(await codeOf(broker.records('audit', { before, limit: 1 })), before).to.equal(
            'REQUEST_MALFORMED',
          )
        expect((await broker.records('audit', { before: '1', limit: 1 })).records).to.deep.equal([])
      })

      it('is stored while it is among the latest of its name', async () => {
        const { count } = RECORD_LIMITS.health
        // A busy disk may take longer than a process waits.
        const record = async (text: string, triesLeft = 5): Promise<unknown> =>
          broker.record('health', text).catch((error: unknown) => {
            const isLate = error instanceof GatewayError && error.code === 'BROKER_UNAVAILABLE'
            if (triesLeft === 0 || !isLate) throw error
            return record(text, triesLeft - 1)
          })
        for (let i = 0; i < count + 10; i += 151)
          await Promise.all(Array.from({ length: 151 }, (_, j) => record(`record ${i + j}`)))
        let stored = 0
        for (let before: string | undefined; ;) {
          const { records: page } = await broker.records('health', { before, limit: 1_000 })
          stored += page.length
          before = page.at(-1)?.id
          if (before === undefined) break
        }
        expect(stored).to.equal(count)
      })
    })

    describe('ask', () => {
      const codeOf = (asking: Promise<string>): Promise<unknown> =>
        asking.then(
          () => 'answered',
          (error: unknown) => (error instanceof GatewayError ? error.code : error),
        )

      it('resolves to the answer of the process that answers to the name, from any process', async () => {
        const asked: string[] = []
        const stop = broker.onAsk('one', async (question) => {
          asked.push(question)
          return `answer to ${question}`
        })
        onCleanUp(async () => stop())
        const question = `a question 群 " ' \\ \n`
        for (const asker of fixture.shared ? [broker, await open()] : [broker]) {
          await waitUntil('it listens', async () => (await codeOf(asker.ask('one', 'first'))) === 'answered')
          expect(await asker.ask('one', question)).to.equal(`answer to ${question}`)
        }
        expect(asked).to.include(question)
      })

      it('carries the largest answers and questions, and refuses larger ones', async () => {
        broker.onAsk('one', async (length) => 'x'.repeat(Number(length)))
        const asker = fixture.shared ? await open() : broker
        await waitUntil('it listens', async () => (await codeOf(asker.ask('one', '1'))) === 'answered')
        expect(await asker.ask('one', String(2 ** 20))).to.have.length(2 ** 20)
        if (fixture.shared) expect(await codeOf(asker.ask('one', String(2 ** 20 + 1)))).to.equal('INTERNAL')
        expect(await codeOf(asker.ask('one', '1'.padStart(16 * 1024)))).to.equal('answered')
        expect(await codeOf(asker.ask('one', '1'.padStart(16 * 1024 + 1)))).to.equal('REQUEST_MALFORMED')
      })

      it('rejects with the error of the answer', async () => {
        broker.onAsk('one', async (text) => {
          throw text === 'known' ? new GatewayError('NOT_IN_QUARANTINE', 'it is "gone"') : new Error('secret')
        })
        const asker = fixture.shared ? await open() : broker
        await waitUntil(
          'it listens',
          async () => (await codeOf(asker.ask('one', 'known'))) === 'NOT_IN_QUARANTINE',
        )
        const error = await asker.ask('one', 'known').catch((reason: unknown) => reason)
        expect(error).to.include({ message: new GatewayError('NOT_IN_QUARANTINE', 'it is "gone"').message })
        if (!fixture.shared) return
        const internal = await asker.ask('one', 'other').catch((reason: unknown) => reason)
        expect(internal).to.include({ code: 'INTERNAL', message: 'internal error' })
      })

      it('rejects soon if nobody answers to the name, or does no longer', async () => {
        expect(await codeOf(broker.ask('nobody', 'q'))).to.equal('PROCESS_UNREACHABLE')
        const other = fixture.shared ? await open() : broker
        const stop = other.onAsk('one', async () => 'answer')
        await waitUntil('it listens', async () => (await codeOf(broker.ask('one', 'q'))) === 'answered')
        stop()
        await waitUntil('it has stopped', async () => (await codeOf(broker.ask('one', 'q'))) !== 'answered')
        expect(await codeOf(broker.ask('one', 'q'))).to.equal('PROCESS_UNREACHABLE')
      })
    })

    describe('newEpoch', () => {
      it('replaces the epoch once, keeps the entries and notifies listeners', async () => {
        let interruptions = 0
        await broker.subscribe(
          { group: 'g' },
          { onNotice: () => undefined, onInterrupted: () => interruptions++ },
        )
        await publish(recallOf('g', [1]))
        const [before] = await broker.heads([{ group: 'g' }])
        await Promise.all([1, 2].map(() => broker.newEpoch({ group: 'g' }, before?.epoch ?? '')))
        const [after] = await broker.heads([{ group: 'g' }])
        expect(after?.offset).to.equal(1)
        expect(after?.epoch).to.not.equal(before?.epoch)
        await broker.newEpoch({ group: 'g' }, before?.epoch ?? '')
        expect(await broker.heads([{ group: 'g' }])).to.deep.equal([after])
        await waitUntil('the listener is notified', () => interruptions > 0)
        const page = await broker.history({ group: 'g' }, { epoch: after?.epoch ?? '', offset: 0 }, 10)
        expect(page.gap === undefined && allSeqsOf(page.notices)).to.deep.equal([[1]])
      })
    })

    describe('newEpoch of several who know different losses', () => {
      it('lets those who return go on before the first of them', async () => {
        for (const seq of [1, 2, 3, 4, 5]) await publish(recallOf('g', [seq]))
        const [before] = await broker.heads([{ group: 'g' }])
        const position = { epoch: before?.epoch ?? '', offset: 5 }
        await broker.newEpoch({ group: 'g' }, position.epoch, 4)
        await broker.newEpoch({ group: 'g' }, position.epoch, 1)
        await broker.newEpoch({ group: 'g' }, position.epoch, 3)
        const history = await broker.history({ group: 'g' }, position, 10)
        expect(history.gap).to.equal('epoch-changed')
        expect(history.gap === undefined ? undefined : history.resume?.offset).to.be.at.most(1)
      })
    })

    describe('endGroup', () => {
      const GROUP = { group: 'g' }
      const TOPIC = { group: 'g', topic: 't' }
      const seqsIn = async (conversation: typeof GROUP | typeof TOPIC) =>
        (await broker.recalled(conversation, [1, 2, 3])).map(({ seq }) => seq)
      const recallAt = (recalledAtMs: number, seq: number, fields: Fields = {}) =>
        publish(recallOf('g', [seq], { recalledAtMs, ...fields }))

      it('ends the recalled sets of the group and its topics, and of nothing else', async () => {
        await recallAt(100, 1)
        await recallAt(100, 2, { topic: 't' })
        await publish(recallOf('gg', [3], { recalledAtMs: 100 }))
        await publish(recallOf('gg', [3], { recalledAtMs: 100, topic: 't' }))
        await broker.endGroup('g', 200)
        expect(await seqsIn(GROUP)).to.deep.equal([])
        expect(await seqsIn(TOPIC)).to.deep.equal([])
        expect(await broker.recalled({ group: 'gg' }, [3])).to.have.length(1)
        expect(await broker.recalled({ group: 'gg', topic: 't' }, [3])).to.have.length(1)
        const again = await recallAt(300, 1, { untimed: true })
        expect(again.duplicate, 'within an hour of one before the end').to.equal(false)
        expect(await seqsIn(GROUP)).to.deep.equal([1])
      })

      it('loses no recall of the next group, in whatever order they come', async () => {
        await Promise.all([recallAt(100, 1), recallAt(300, 2), broker.endGroup('g', 200), recallAt(300, 3)])
        expect(await seqsIn(GROUP)).to.deep.equal([2, 3])
        await recallAt(300, 1, { topic: 't' })
        await broker.endGroup('g', 200)
        await broker.endGroup('g', 150)
        expect(await seqsIn(GROUP)).to.deep.equal([2, 3])
        expect(await seqsIn(TOPIC)).to.deep.equal([1])
      })

      it('sends a recall from before the end, which comes after it, to the feed only, once', async () => {
        await recallAt(100, 1)
        await broker.endGroup('g', 200)
        const inGroup = await listen(GROUP)
        const inFeed = await listen(FEED)
        for (const fields of [{}, { topic: 't' }]) {
          const late = await recallAt(150, 2, fields)
          expect(late.positions.map(({ room }) => room)).to.deep.equal([FEED])
          expect(await recallAt(150, 2, fields)).to.have.property('duplicate', true)
        }
        await recallAt(300, 3)
        await waitUntil('the last notice', () => inFeed.received.length > 2 && inGroup.received.length > 0)
        expect(allSeqsOf(inFeed.received.map(({ notice }) => notice))).to.deep.equal([[2], [2], [3]])
        expect(allSeqsOf(inGroup.received.map(({ notice }) => notice))).to.deep.equal([[3]])
        expect(await seqsIn(GROUP)).to.deep.equal([3])
        expect(await seqsIn(TOPIC)).to.deep.equal([])
      })

      it('empties the logs of the group, under a new epoch, once, and not that of the feed', async () => {
        await recallAt(100, 1, { topic: 't' })
        const rooms: Room[] = [GROUP, TOPIC, FEED]
        const before = await broker.heads(rooms)
        let interruptions = 0
        await broker.subscribe(GROUP, {
          onNotice: () => undefined,
          onInterrupted: () => interruptions++,
        })
        await broker.endGroup('g', 200)
        await waitUntil('listeners are told', () => interruptions > 0)
        const after = await broker.heads(rooms)
        for (const [i, room] of rooms.entries()) {
          const [old, now] = [before[i], after[i]]
          if (!old || !now) throw new Error('a head is missing')
          expect(now.offset).to.equal(1)
          expect(now.epoch === old.epoch).to.equal(room === FEED)
          const { notices } = await broker.historyBefore(room, 10, 10)
          expect(notices).to.have.length(room === FEED ? 1 : 0)
          expect((await broker.history(room, old, 10)).gap).to.equal(
            room === FEED ? undefined : 'epoch-changed',
          )
        }
        await broker.endGroup('g', 200)
        await broker.endGroup('g', 150)
        expect(await broker.heads(rooms)).to.deep.equal(after)
        const next = await recallAt(300, 2, { topic: 't' })
        expect(next.positions.map(({ position }) => position.offset)).to.deep.equal([2, 2, 2])
      })

      it('drops sets larger than one call can drop', async () => {
        const many = Array.from({ length: 1_000 }, (_, i) => i + 1)
        for (let i = 0; i < 5; i++)
          await publish(
            recallOf(
              'g',
              many.map((seq) => seq + i * 1_000),
              { recalledAtMs: 100 },
            ),
          )
        await recallAt(300, 9_999)
        await broker.endGroup('g', 200)
        expect(await broker.recalled(GROUP, [...many, 4_999, 9_999])).to.deep.equal([
          { seq: 9_999, atMs: 300 },
        ])
        const again = await reopen()
        expect(await again.recalled(GROUP, [1, 5_000, 9_999])).to.have.length(1)
      })
    })

    describe('recalled', () => {
      it('returns exactly those of the seqs that are recalled in this conversation', async () => {
        await publish(recallOf('g', [1, 3], { recalledAtMs: 42 }))
        await publish(recallOf('g', [5], { topic: 't' }))
        expect(await broker.recalled({ group: 'g' }, [3, 2, 1, 5])).to.deep.equal([
          { seq: 3, atMs: 42 },
          { seq: 1, atMs: 42 },
        ])
        expect(
          (await broker.recalled({ group: 'g', topic: 't' }, [1, 5])).map(({ seq }) => seq),
        ).to.deep.equal([5])
        expect(await broker.recalled({ group: 'g' }, [])).to.deep.equal([])
      })
    })

    describe('outside of groups', () => {
      /** Of 256 bytes, each of which takes three characters in the name of a room. */
      const longest = (first: string): string => `${first}${'é'.repeat(127)}${first}`
      const ROOMS: Readonly<Record<string, Conversation>> = {
        'a conversation of two': { c2c: ['alice', 'bob'] },
        'notes to self': { c2c: ['alice', 'alice'] },
        'the longest names of two': { c2c: [longest('a'), longest('b')] },
        'an official account': { official: 'alice' },
        'the longest name of an account': { official: longest('o') },
      }
      /** Some are what a store calls something else. */
      const KEYS = ['ended', 'dropped', '1', 'key:1', '["x"]', '\u{10FFFD}', '% *', longest('k')]
      const keyed = (where: Conversation, keys: readonly string[], recalledAtMs = 42): Recall => ({
        ...where,
        messages: keys.map((key) => ({ key })),
        recalledAtMs,
        receivedAtMs: 1_700_000_000_000,
      })
      const publishAll = (recall: Recall) => broker.publish(recall, TIMEOUT_MS)

      for (const [name, where] of Object.entries(ROOMS))
        it(`tells and remembers each message by its key, once: ${name}`, async () => {
          const { received } = await listen(where)
          const others = Object.values(ROOMS).filter((other) => other !== where)
          expect(await publishAll(keyed(where, KEYS))).to.have.property('duplicate', false)
          expect(await publishAll(keyed(where, KEYS))).to.have.property('duplicate', true)
          expect(await publishAll(keyed(where, [...KEYS, 'new']))).to.have.property('duplicate', false)
          await waitUntil('both arrive', () => received.length === 2)
          expect(received.map(({ notice }) => notice.messages)).to.deep.equal([
            KEYS.map((key) => ({ key })),
            [{ key: 'new' }],
          ])
          const found = [...KEYS, 'new'].map((key) => ({ key, atMs: 42 }))
          expect(await broker.recalled(where, [...KEYS, 'never', 'new'])).to.deep.equal(found)
          for (const other of [...others, { group: 'alice' }, { group: 'alice', topic: 'bob' }])
            expect(await broker.recalled(other, other.group === undefined ? KEYS : [1])).to.be.empty
          const again = await reopen()
          expect(await again.recalled(where, [...KEYS, 'new'])).to.deep.equal(found)
          const { notices } = await again.historyBefore(where, Infinity, 10)
          expect(notices).to.deep.equal(received.map(({ notice }) => notice))
          expect(await again.publish(keyed(where, ['ended']), TIMEOUT_MS)).to.have.property('duplicate', true)
        })

      it('does not end with a group of the same name', async () => {
        const places = [{ c2c: ['g', 'g'] } as const, { official: 'g' }]
        for (const where of places) await publishAll(keyed(where, ['1', 'ended']))
        const before = await broker.heads(places)
        await broker.endGroup('g', 1_000)
        expect(await broker.heads(places)).to.deep.equal(before)
        for (const where of places) {
          expect(await broker.recalled(where, ['1', 'ended'])).to.have.lengthOf(2)
          // One from before the end is told as ever.
          const { positions } = await publishAll(keyed(where, ['2'], 900))
          expect(positions).to.have.lengthOf(2)
        }
      })
    })

    describe('stored entries', () => {
      const offsetsOf = (entries: readonly StoredEntry[]) => entries.map(({ offset }) => offset)

      it('have a chain of links through each log, whatever was new of a recall, and across a restart', async () => {
        const before = Date.now()
        await Promise.all([1, 2, 3].map((seq) => publish(recallOf('g', [seq], { topic: 't' }))))
        await publish(recallOf('g', [2, 4, 3, 5], { topic: 't', operator: 'Zoë\u{1f600}\n"' }))
        await broker.stop()
        broker = latest = await open()
        await publish(recallOf('g', [6], { topic: 't' }))
        for (const room of [{ group: 'g', topic: 't' }, { group: 'g' }, FEED]) {
          const entries = await storedEntries(broker, room)
          expect(offsetsOf(entries)).to.deep.equal([1, 2, 3, 4, 5])
          expect(expectChain(entries)).to.deep.equal([1])
          const [head] = await broker.heads([room])
          expect(entries[0]?.link?.epoch).to.equal(head?.epoch)
          expect(seqsOf(entries[3]?.notice?.messages ?? [])).to.deep.equal([4, 5])
          for (const { link } of entries) expect(link?.keptAtMs).to.be.within(before - 5, Date.now() + 5)
        }
      })

      it('keep their links when the log is trimmed', async () => {
        await broker.stop()
        broker = latest = await open({ historySize: 3 })
        for (const seq of [1, 2, 3, 4, 5]) await publish(recallOf('g', [seq]))
        const entries = await storedEntries(broker, { group: 'g' })
        expect(offsetsOf(entries)).to.deep.equal([3, 4, 5])
        expect(expectChain(entries)).to.deep.equal([])
      })

      it('begin another chain with another epoch, and after the end of a group', async () => {
        await publish(recallOf('g', [1]))
        const [before] = await broker.heads([{ group: 'g' }])
        await broker.newEpoch({ group: 'g' }, before?.epoch ?? '')
        await publish(recallOf('g', [2]))
        await publish(recallOf('g', [3]))
        const entries = await storedEntries(broker, { group: 'g' })
        const [after] = await broker.heads([{ group: 'g' }])
        expect(expectChain(entries)).to.deep.equal([1, 2])
        expect(entries[1]?.link?.epoch).to.equal(after?.epoch)

        await broker.endGroup('g', 1_680_000_000_000)
        await publish(recallOf('g', [1], { recalledAtMs: 1_690_000_000_000 }))
        const rest = await storedEntries(broker, { group: 'g' })
        expect(offsetsOf(rest)).to.deep.equal([4])
        expect(expectChain(rest)).to.deep.equal([4])
        expect(expectChain(await storedEntries(broker, FEED))).to.deep.equal([1])
      })

      it('are noted as told, as long as they are stored: the earliest note counts, and the latest of another notice', async () => {
        await broker.stop()
        broker = latest = await open({ historySize: 3 })
        const rooms: Room[] = [{ group: 'g' }, { c2c: ['a', 'b'] }]
        for (const seq of [1, 2, 3]) await publish(recallOf('g', [seq]))
        await publish({ c2c: ['a', 'b'], messages: [{ key: 'k' }], recalledAtMs: 1, receivedAtMs: 5 })
        const note = (offset: number, receivedAtMs: number, atMs: number, node: string, room = rooms[0]) =>
          ({ room, offset, receivedAtMs, atMs, node }) as ToldNote
        const toldIn = async (room: Room) =>
          [...(await broker.told({ room, first: 1, last: 10 }))].map(([offset, { atMs, node }]) => [
            offset,
            atMs,
            node,
          ])
        await broker.noteTold([
          note(1, 5, 20, 'one: x'),
          note(2, 5, 20, 'one: x'),
          note(1, 5, 30, 'two', rooms[1]),
        ])
        await broker.noteTold([note(1, 5, 10, 'two'), note(2, 5, 30, 'two'), note(3, 5, 40, 'two')])
        await broker.noteTold([note(3, 6, 50, 'three')])
        await broker.noteTold([])
        expect(await toldIn({ group: 'g' })).to.deep.equal([
          [1, 10, 'two'],
          [2, 20, 'one: x'],
          [3, 50, 'three'],
        ])
        expect(await toldIn({ c2c: ['a', 'b'] })).to.deep.equal([[1, 30, 'two']])
        await broker.stop()
        broker = latest = await open({ historySize: 3 })
        for (const seq of [4, 5]) await publish(recallOf('g', [seq]))
        await broker.noteTold([note(4, 5, 60, 'one'), note(5, 5, 60, 'one')])
        expect((await toldIn({ group: 'g' })).map(([offset]) => offset)).to.deep.equal([3, 4, 5])
        expect(await toldIn({ group: 'unused' })).to.deep.equal([])
      })

      it('of a room that was never used are none, which gives it no position', async () => {
        expect(await broker.entries({ group: 'unused' }, 0, 10)).to.deep.equal({ entries: [] })
        expect(await broker.entries({ group: 'unused' }, 0, 10)).to.deep.equal({ entries: [] })
      })
    })

    it('finds after a restart what was stored before it', async () => {
      await publish(recallOf('g', [1]))
      const [head] = await broker.heads([{ group: 'g' }])
      const again = await reopen()
      expect(await again.heads([{ group: 'g' }])).to.deep.equal([head])
      expect(await again.publish(recallOf('g', [1]), TIMEOUT_MS)).to.have.property('duplicate', true)
    })

    it('rejects with BROKER_UNAVAILABLE once stopped', async () => {
      await broker.stop()
      expect(broker.isReady()).to.equal(false)
      const attempts = [publish(recallOf('g', [1])), broker.heads([FEED]), listen(FEED)]
      for (const outcome of await Promise.allSettled(attempts)) {
        expect(outcome).to.have.nested.property('reason.code', 'BROKER_UNAVAILABLE')
      }
    })

    async function reopen(options: Partial<BrokerOptions> = {}): Promise<Broker> {
      await latest.stop()
      latest = await open(options)
      return latest
    }
  })
}
