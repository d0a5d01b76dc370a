import { expect } from 'chai'
import type { Broker, BrokerOptions } from '../../server/broker/broker.ts'
import type { Notice } from '../../shared/notice.ts'
import type { Recall } from '../../shared/recall.ts'
import { FEED } from '../../shared/room.ts'
import type { Room } from '../../shared/room.ts'
import { BROKER_HOMES } from '../support/brokers.ts'
import type { BrokerHome } from '../support/brokers.ts'
import { undoAfterEach } from '../support/undo.ts'
import { until } from '../support/wait.ts'

const WITHIN_MS = 2_000

const recallOf = (group: string, seqs: readonly number[], fields: Partial<Recall> = {}): Recall => ({
  group,
  messages: seqs.map((seq) => ({ seq })),
  recalledAtMs: 1_670_000_000_000,
  receivedAtMs: 1_700_000_000_000,
  ...fields,
})

const seqsOf = (notices: readonly Notice[]): number[][] =>
  notices.map(({ messages }) => messages.map(({ seq }) => seq))

for (const [kind, openHome] of Object.entries(BROKER_HOMES)) {
  describe(`${kind} broker`, () => {
    const undo = undoAfterEach()
    let home: BrokerHome
    let broker: Broker

    const open = async (options: Partial<BrokerOptions> = {}): Promise<Broker> => {
      const opened = home.create(options)
      await opened.start()
      undo(() => opened.stop())
      return opened
    }

    /** Listens to a room and writes down what comes. */
    const listen = async (room: Room, to = broker) => {
      const heard: { notice: Notice; epoch: string }[] = []
      const subscription = await to.subscribe(room, {
        onNotice: (notice, epoch) => heard.push({ notice, epoch }),
        onInterrupted: () => undefined,
      })
      return { heard, leave: () => subscription.leave() }
    }

    const publish = (recall: Recall) => broker.publish(recall, WITHIN_MS)

    beforeEach(async () => {
      home = await openHome()
      undo(() => home.close())
      broker = await open()
    })

    describe('publish', () => {
      it('puts a recall in a topic into the topic room, the group room and the feed, once each', async () => {
        const rooms: Room[] = [{ group: 'g', topic: 't' }, { group: 'g' }, FEED]
        const ears = await Promise.all(rooms.map((room) => listen(room)))
        const strangers = await Promise.all([listen({ group: 't' }), listen({ group: 'g', topic: 'other' })])

        const published = await publish(recallOf('g', [130], { topic: 't' }))

        expect(published.duplicate).to.equal(false)
        expect(published.positions.map(({ room }) => room)).to.deep.equal(rooms)
        for (const [i, ear] of ears.entries()) {
          await until('the notice arrives', () => ear.heard.length > 0)
          expect(ear.heard).to.have.length(1)
          const position = published.positions[i]?.position
          expect(ear.heard[0]?.epoch).to.equal(position?.epoch)
          expect(ear.heard[0]?.notice).to.deep.equal({ ...recallOf('g', [130], { topic: 't' }), offset: 1 })
        }
        expect(strangers.flatMap(({ heard }) => heard)).to.be.empty
      })

      it('answers and delivers nothing for the same recall again', async () => {
        const ear = await listen({ group: 'g' })
        await publish(recallOf('g', [130]))
        expect(await publish(recallOf('g', [130], { receivedAtMs: 5 }))).to.deep.equal({
          duplicate: true,
          positions: [],
        })
        await publish(recallOf('g', [131]))
        await until('the later notice', () => ear.heard.length > 1)
        expect(seqsOf(ear.heard.map(({ notice }) => notice))).to.deep.equal([[130], [131]])
      })

      it('delivers only the messages that are new', async () => {
        const ear = await listen(FEED)
        await publish(recallOf('g', [1, 2]))
        await publish(recallOf('g', [1, 3, 2, 4]))
        await until('both notices', () => ear.heard.length > 1)
        expect(seqsOf(ear.heard.map(({ notice }) => notice))).to.deep.equal([
          [1, 2],
          [3, 4],
        ])
      })

      it('takes a message recalled at another time as recalled anew', async () => {
        await publish(recallOf('g', [130], { recalledAtMs: 1_000 }))
        expect(await publish(recallOf('g', [130], { recalledAtMs: 2_000 }))).to.have.property(
          'duplicate',
          false,
        )
        expect(await broker.recalled({ group: 'g' }, [130])).to.deep.equal([{ seq: 130, atMs: 2_000 }])
      })

      it('takes an untimed recall within the hour as a repeat, and one after it as new', async () => {
        const at = (recalledAtMs: number) => recallOf('g', [130], { untimed: true, recalledAtMs })
        await publish(at(0))
        expect(await publish(at(3_599_999))).to.have.property('duplicate', true)
        expect(await publish(at(3_600_000))).to.have.property('duplicate', false)
      })

      it('counts the same seq in another group, or in a topic, as another message', async () => {
        await publish(recallOf('g', [130]))
        expect(await publish(recallOf('h', [130]))).to.have.property('duplicate', false)
        expect(await publish(recallOf('g', [130], { topic: 't' }))).to.have.property('duplicate', false)
      })

      it('gives concurrent recalls consecutive offsets and delivers them in that order', async () => {
        const ear = await listen({ group: 'g' })
        const all = await Promise.all(Array.from({ length: 200 }, (_, i) => publish(recallOf('g', [i + 1]))))
        const offsets = all.flatMap(({ positions }) => positions.map(({ position }) => position.offset))
        expect(new Set(offsets).size).to.equal(200)
        await until('all notices', () => ear.heard.length === 200)
        const expected = Array.from({ length: 200 }, (_, i) => i + 1)
        expect(ear.heard.map(({ notice }) => notice.offset)).to.deep.equal(expected)
      })

      it('keeps every character of identifiers and the largest seq exactly', async () => {
        const printable = Array.from({ length: 0x7f - 0x20 }, (_, i) => String.fromCharCode(0x20 + i)).join(
          '',
        )
        const group = `${printable}群🎉`
        const message = { seq: Number.MAX_SAFE_INTEGER, id: '144115213033478435-1739361321-2512805311' }
        const ear = await listen({ group })
        await publish({ ...recallOf(group, []), messages: [message], operator: printable })
        await until('the notice', () => ear.heard.length === 1)
        expect(ear.heard[0]?.notice).to.deep.include({ group, messages: [message], operator: printable })
        expect(await broker.recalled({ group }, [message.seq])).to.have.length(1)
      })

      it('keeps the recalled set no longer than it is told to', async () => {
        const options = { recalledTtlS: 1 }
        let short = home.shared ? await open(options) : await reopen(options)
        const many = Array.from({ length: 2_500 }, (_, i) => i + 1)
        await short.publish(recallOf('g', many), WITHIN_MS)
        expect(await short.recalled({ group: 'g' }, many)).to.have.length(many.length)
        let seq = 0
        await until('the set is forgotten', async () => {
          await short.publish(recallOf('lively', [++seq]), WITHIN_MS)
          // One process forgets when it starts, and every hour.
          if (!home.shared) short = await reopen(options)
          return (await short.recalled({ group: 'g' }, many)).length === 0
        })
        const all = Array.from({ length: seq }, (_, i) => i + 1)
        expect(await short.recalled({ group: 'lively' }, all), 'goes on').to.have.length(seq)
      })

      it('keeps the recalled set of a group as long, whatever is recalled in its topics', async () => {
        const options = { recalledTtlS: 1 }
        let short = home.shared ? await open(options) : await reopen(options)
        await short.publish(recallOf('g', [1], { topic: 't' }), WITHIN_MS)
        await short.publish(recallOf('g', [1]), WITHIN_MS)
        expect(await short.recalled({ group: 'g' }, [1])).to.have.length(1)
        await until('the set is forgotten', async () => {
          if (!home.shared) short = await reopen(options)
          return (await short.recalled({ group: 'g' }, [1])).length === 0
        })
      })

      it('keeps a recall of 1,000 messages', async () => {
        const seqs = Array.from({ length: 1_000 }, (_, i) => i + 1)
        await publish(recallOf('g', seqs))
        expect(await broker.recalled({ group: 'g' }, seqs)).to.have.length(1_000)
        expect(await publish(recallOf('g', seqs))).to.have.property('duplicate', true)
      })
    })

    describe('subscribe', () => {
      it('delivers nothing after leaving', async () => {
        const [gone, stays] = [await listen({ group: 'g' }), await listen({ group: 'g' })]
        gone.leave()
        gone.leave()
        await publish(recallOf('g', [1]))
        await until('the other listener hears it', () => stays.heard.length === 1)
        expect(gone.heard).to.be.empty
      })

      it('delivers again to one who left and came back', async () => {
        for (let round = 0; round < 20; round++) (await listen({ group: 'g' })).leave()
        const ear = await listen({ group: 'g' })
        await publish(recallOf('g', [1]))
        await until('the notice', () => ear.heard.length === 1)
      })
    })

    describe('history and top', () => {
      it('of a room never used is a position at 0 that stays', async () => {
        const [top] = await broker.heads([{ group: 'new' }])
        expect(top?.offset).to.equal(0)
        expect(await broker.heads([{ group: 'new' }])).to.deep.equal([top])
        if (top) expect(await broker.history({ group: 'new' }, top, 10)).to.deep.equal({ notices: [], top })
      })

      it('answers tops in the order asked, also for many rooms', async () => {
        await publish(recallOf('g7', [1]))
        const rooms = Array.from({ length: 450 }, (_, i) => ({ group: `g${i}` }))
        const tops = await broker.heads(rooms)
        expect(tops.map(({ offset }) => offset)).to.deep.equal(
          rooms.map(({ group }) => (group === 'g7' ? 1 : 0)),
        )
      })

      it('answers what follows a position, oldest first, in pages', async () => {
        const [start] = await broker.heads([{ group: 'g' }])
        for (const seq of [1, 2, 3, 4, 5]) await publish(recallOf('g', [seq]))
        const epoch = start?.epoch ?? ''
        const first = await broker.history({ group: 'g' }, { epoch, offset: 0 }, 3)
        expect(first.gap === undefined && seqsOf(first.notices)).to.deep.equal([[1], [2], [3]])
        expect(first.head).to.deep.equal({ epoch, offset: 5 })
        const second = await broker.history({ group: 'g' }, { epoch, offset: 3 }, 3)
        expect(second.gap === undefined && seqsOf(second.notices)).to.deep.equal([[4], [5]])
      })

      it('is a gap for what was trimmed, and whole up to there', async () => {
        const small = home.shared ? await open({ historySize: 3 }) : await reopen({ historySize: 3 })
        for (const seq of [1, 2, 3, 4, 5]) await small.publish(recallOf('g', [seq]), WITHIN_MS)
        const [top] = await small.heads([{ group: 'g' }])
        const epoch = top?.epoch ?? ''
        expect(await small.history({ group: 'g' }, { epoch, offset: 1 }, 10)).to.deep.equal({
          gap: 'trimmed',
          top,
        })
        const whole = await small.history({ group: 'g' }, { epoch, offset: 2 }, 10)
        expect(whole.gap === undefined && seqsOf(whole.notices)).to.deep.equal([[3], [4], [5]])
      })

      it('still proves that nothing was missed after the notices have expired', async () => {
        const short = home.shared ? await open({ historyTtlS: 1 }) : await reopen({ historyTtlS: 1 })
        await short.publish(recallOf('g', [1]), WITHIN_MS)
        const [top] = await short.heads([{ group: 'g' }])
        const epoch = top?.epoch ?? ''
        const past = await until('the notices expire', async () => {
          const history = await short.history({ group: 'g' }, { epoch, offset: 0 }, 10)
          return history.gap === undefined ? undefined : history
        })
        expect(past).to.deep.equal({ gap: 'trimmed', top })
        expect(await short.history({ group: 'g' }, { epoch, offset: 1 }, 10)).to.deep.equal({
          notices: [],
          top,
        })
        const next = await short.publish(recallOf('g', [2]), WITHIN_MS)
        expect(next.positions[0]?.position).to.deep.equal({ epoch, offset: 2 })
        const after = await short.history({ group: 'g' }, { epoch, offset: 1 }, 10)
        expect(after.gap === undefined && seqsOf(after.notices)).to.deep.equal([[2]])
      })

      it('is a gap for another epoch and for a position ahead of the log', async () => {
        await publish(recallOf('g', [1]))
        const [top] = await broker.heads([{ group: 'g' }])
        const epoch = top?.epoch ?? ''
        expect(await broker.history({ group: 'g' }, { epoch: 'other', offset: 0 }, 10)).to.deep.equal({
          gap: 'epoch-changed',
          top,
        })
        expect(await broker.history({ group: 'g' }, { epoch, offset: 2 }, 10)).to.deep.equal({
          gap: 'epoch-changed',
          top,
        })
      })
    })

    describe('earlier', () => {
      it('answers the notices before an offset, oldest first, and where the log ends', async () => {
        for (const seq of [1, 2, 3, 4, 5]) await publish(recallOf('g', [seq]))
        const read = async (before: number, limit: number) => {
          const { notices, head: top } = await broker.historyBefore({ group: 'g' }, before, limit)
          expect(top.offset).to.equal(5)
          return notices.map(({ offset }) => offset)
        }
        expect(await read(Number.MAX_SAFE_INTEGER, 2)).to.deep.equal([4, 5])
        expect(await read(4, 2)).to.deep.equal([2, 3])
        expect(await read(3, 10)).to.deep.equal([1, 2])
        expect(await read(1, 10)).to.deep.equal([])
        const [first] = (await broker.historyBefore({ group: 'g' }, 2, 1)).notices
        expect(first).to.deep.equal({ ...recallOf('g', [1]), offset: 1 })
      })

      it('answers nothing, and a position, for a room never used', async () => {
        const { notices, head: top } = await broker.historyBefore({ group: 'unused' }, 10, 10)
        expect(notices).to.deep.equal([])
        expect(await broker.heads([{ group: 'unused' }])).to.deep.equal([top])
      })
    })

    describe('report', () => {
      it('is told to all, the latest of each process, and how old it is', async () => {
        await broker.heartbeat('one', 'first')
        await broker.heartbeat('one', 'second: 群 "')
        await broker.heartbeat('two', 'other')
        const other = home.shared ? await open() : broker
        const reports = (await other.heartbeats()).toSorted((a, b) => a.id.localeCompare(b.id))
        expect(reports.map(({ id, text }) => [id, text])).to.deep.equal([
          ['one', 'second: 群 "'],
          ['two', 'other'],
        ])
        for (const { ageMs } of reports) expect(ageMs).to.be.within(0, 5_000)
      })
    })

    describe('announce', () => {
      /** Writes down what is announced. */
      const follow = (from = broker) => {
        const told: string[] = []
        undo(from.onAnnouncement('revocations', (text) => told.push(text)))
        return told
      }

      it('tells everyone who follows, once and in order, also those who come later', async () => {
        const early = follow()
        const texts = Array.from({ length: 30 }, (_, i) => `order ${i} 群 " ' \\ \n`)
        for (const text of texts) await broker.announce('revocations', text)
        const late = follow()
        for (const told of [early, late]) {
          await until('all is told', () => told.length === texts.length)
          expect(told).to.deep.equal(texts)
        }
        await broker.announce('revocations', 'last')
        for (const told of [early, late]) await until('the last one', () => told.at(-1) === 'last')
        expect(late).to.have.length(texts.length + 1)
      })

      it('is kept for another process, or the next one', async () => {
        await broker.announce('revocations', 'first')
        const other = home.shared ? await open() : await reopen()
        const told = follow(other)
        await until('it is told', () => told.length > 0)
        await other.announce('revocations', 'second')
        await until('the next is told', () => told.length > 1)
        expect(told).to.deep.equal(['first', 'second'])
      })

      it('keeps the latest 1,000 of a subject, whatever is told of another', async () => {
        await broker.announce('memberships', 'of another')
        for (let i = 0; i < 1_010; i += 101)
          await Promise.all(
            Array.from({ length: 101 }, (_, j) => broker.announce('revocations', `order ${i + j}`)),
          )
        const told = follow()
        await until('what is kept is told', () => told.length > 0)
        expect(told).to.have.length(1_000)
        const others: string[] = []
        undo(broker.onAnnouncement('memberships', (text) => others.push(text)))
        await until('the other one is told', () => others.length > 0)
        expect(others).to.deep.equal(['of another'])
      })
    })

    describe('renew', () => {
      it('gives the log another epoch once, keeps its entries, and tells who listens', async () => {
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
        await until('the listener is told', () => interruptions > 0)
        const whole = await broker.history({ group: 'g' }, { epoch: after?.epoch ?? '', offset: 0 }, 10)
        expect(whole.gap === undefined && seqsOf(whole.notices)).to.deep.equal([[1]])
      })
    })

    describe('recalled', () => {
      it('answers exactly those of the asked seqs that are recalled in that conversation', async () => {
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

    it('finds after a restart what was kept before it', async () => {
      await publish(recallOf('g', [1]))
      const [top] = await broker.heads([{ group: 'g' }])
      const again = await reopen()
      expect(await again.heads([{ group: 'g' }])).to.deep.equal([top])
      expect(await again.publish(recallOf('g', [1]), WITHIN_MS)).to.have.property('duplicate', true)
    })

    it('rejects with a code of the catalogue once stopped', async () => {
      await broker.stop()
      expect(broker.isReady()).to.equal(false)
      const attempts = [publish(recallOf('g', [1])), broker.heads([FEED]), listen(FEED)]
      for (const outcome of await Promise.allSettled(attempts)) {
        expect(outcome).to.have.nested.property('reason.code', 'BROKER_UNAVAILABLE')
      }
    })

    async function reopen(options: Partial<BrokerOptions> = {}): Promise<Broker> {
      await broker.stop()
      return await open(options)
    }
  })
}
