import { expect } from 'chai'
import fc from 'fast-check'
import { historySince } from '../../server/broker/history.ts'
import { missedSince, replay } from '../../server/realtime/sessions/replay.ts'
import type { Notice } from '../../shared/notice.ts'
import { mergeInOrder } from '../../shared/position.ts'

const EPOCH = 'e'
const MAX_OFFSET = 30

const noticeAt = (offset: number, messages = 1): Notice => ({
  offset,
  group: 'g',
  messages: Array.from({ length: messages }, (_, i) => ({ seq: i + 1 })),
  recalledAtMs: 1,
  receivedAtMs: 1,
})
const offsetsOf = (notices: readonly { offset: number }[]): number[] => notices.map(({ offset }) => offset)
/** The offsets after `from`, up to and including `to`. */
const between = (from: number, to: number): number[] =>
  Array.from({ length: Math.max(0, to - from) }, (_, i) => from + 1 + i)
const noticesBetween = (from: number, to: number): Notice[] =>
  between(from, to).map((offset) => noticeAt(offset))

const offset = fc.nat({ max: MAX_OFFSET })
const scattered = fc.array(fc.integer({ min: 1, max: MAX_OFFSET }), { maxLength: MAX_OFFSET })

describe('mergeInOrder, for any runs of a log', () => {
  it('returns exactly the entries that follow without a hole, each once and in order, and whether there is a hole', () => {
    const property = fc.property(offset, fc.array(scattered, { maxLength: 4 }), (after, lists) => {
      const { run, hole } = mergeInOrder(after, ...lists.map((list) => list.map((at) => ({ offset: at }))))
      const known = new Set(lists.flat())
      expect(offsetsOf(run)).to.deep.equal(between(after, after + run.length))
      expect(offsetsOf(run).every((at) => known.has(at))).to.equal(true)
      expect(known.has(after + run.length + 1)).to.equal(false)
      expect(hole).to.equal([...known].some((at) => at > after + run.length))
    })
    fc.assert(property)
  })

  it('reassembles a log from overlapping pieces, however they are cut and mixed', () => {
    const pieces = fc.array(fc.tuple(offset, offset), { maxLength: 5 })
    const property = fc.property(offset, offset, offset, pieces, (after, head, cut, more) => {
      const covering = [noticesBetween(cut - 2, head), noticesBetween(after, cut)]
      const overlapping = more.map(([from, to]) => noticesBetween(from, Math.min(to, head)).toReversed())
      const { run, hole } = mergeInOrder(after, ...overlapping, ...covering)
      expect(offsetsOf(run)).to.deep.equal(between(after, Math.max(head, cut)))
      expect(hole).to.equal(false)
    })
    fc.assert(property)
  })
})

describe('historySince, for any position', () => {
  const epoch = fc.constantFrom(EPOCH, EPOCH, EPOCH, 'other')
  /** A log up to `head` that still holds the entries after `trimmed`, some of them unreadable. */
  const log = fc.record({
    head: offset,
    trimmed: offset,
    unreadable: fc.array(fc.integer({ min: 1, max: MAX_OFFSET }), { maxLength: 2 }),
    limit: fc.integer({ min: 1, max: MAX_OFFSET }),
  })

  it('is the next page without a hole, or a gap for the right reason, and never a part passed off as the whole', () => {
    const property = fc.property(
      epoch,
      offset,
      log,
      (ofEpoch, since, { head, trimmed, unreadable, limit }) => {
        const end = { epoch: EPOCH, offset: head }
        const page = between(Math.max(since, trimmed), head).slice(0, limit)
        const read = page.map((at) => (unreadable.includes(at) ? null : noticeAt(at)))
        const history = historySince({ epoch: ofEpoch, offset: since }, end, read)
        expect(history.head).to.equal(end)
        if (history.gap === undefined) {
          expect(ofEpoch).to.equal(EPOCH)
          expect(offsetsOf(history.notices)).to.deep.equal(between(since, Math.min(head, since + limit)))
          expect(read).to.not.include(null)
        } else if (history.gap === 'epoch-changed') {
          expect(ofEpoch !== EPOCH || since > head).to.equal(true)
        } else if (history.gap === 'trimmed') {
          expect(trimmed).to.be.greaterThan(since)
        } else {
          expect(history.gap).to.equal('unreadable')
          expect(read).to.include(null)
        }
      },
    )
    fc.assert(property, { numRuns: 300 })
  })

  it('is a gap whenever the entries have a hole anywhere', () => {
    const property = fc.property(
      offset,
      fc.integer({ min: 2, max: MAX_OFFSET }),
      offset,
      (since, length, at) => {
        const holed = noticesBetween(since, since + length).toSpliced(at % (length - 1), 1)
        const head = { epoch: EPOCH, offset: since + length }
        expect(historySince({ epoch: EPOCH, offset: since }, head, holed)).to.deep.equal({
          gap: 'trimmed',
          head,
        })
      },
    )
    fc.assert(property)
  })
})

describe('missedSince, for any tail of the room and any read of the log', () => {
  const given = fc.record({
    since: offset,
    current: offset,
    tail: offset,
    pages: fc.array(offset),
    size: offset,
  })

  it('is exactly the notices in between, or asks for the next page', () => {
    const property = fc.property(given, ({ since, current, tail, size }) => {
      const room = {
        position: { epoch: EPOCH, offset: current },
        tail: noticesBetween(current - tail, current),
      }
      const read = noticesBetween(since, since + size)
      const missed = missedSince({ epoch: EPOCH, offset: since }, room, read)
      if (since > current) expect(missed).to.deep.equal({ gap: 'epoch-changed' })
      else if (since + size >= current - tail || since + size >= current) {
        expect('notices' in missed && offsetsOf(missed.notices)).to.deep.equal(between(since, current))
      } else expect(missed).to.deep.equal({ readAfter: since + size })
    })
    fc.assert(property, { numRuns: 300 })
  })

  it('is known after as many pages as the log has, while the room moves on', () => {
    const steps = fc.array(fc.record({ page: fc.integer({ min: 1, max: 10 }), grows: fc.nat({ max: 9 }) }), {
      minLength: MAX_OFFSET + 1,
    })
    const property = fc.property(offset, offset, offset, steps, (since, ahead, tail, turns) => {
      let current = since + ahead
      const read: Notice[] = []
      for (const { page, grows } of turns) {
        const room = {
          position: { epoch: EPOCH, offset: current },
          tail: noticesBetween(current - tail, current),
        }
        const missed = missedSince({ epoch: EPOCH, offset: since }, room, read)
        if ('notices' in missed) {
          expect(offsetsOf(missed.notices)).to.deep.equal(between(since, current))
          return
        }
        if (!('readAfter' in missed)) throw new Error(`a gap where nothing is missing: ${missed.gap}`)
        expect(missed.readAfter).to.equal(since + read.length)
        const end = Math.min(current + grows, missed.readAfter + page + grows)
        read.push(...noticesBetween(missed.readAfter, end))
        current += grows
      }
      throw new Error('still not known')
    })
    fc.assert(property)
  })

  it('is a gap for more than 1,000 notices', () => {
    const property = fc.property(fc.integer({ min: 990, max: 1_010 }), (missing) => {
      const tail = noticesBetween(0, missing)
      const room = { position: { epoch: EPOCH, offset: missing }, tail }
      const missed = missedSince({ epoch: EPOCH, offset: 0 }, room, [])
      expect(missed).to.deep.equal(missing > 1_000 ? { gap: 'too-many' } : { notices: tail })
    })
    fc.assert(property, { numRuns: 50 })
  })
})

describe('replay, for any room that moves on meanwhile', () => {
  /** Enough for more than a frame, for a quarter of one, and for next to nothing. */
  const messages = fc.constantFrom(1, 500, 2_500)
  const given = fc.record({
    since: offset,
    sizes: fc.array(messages, { minLength: MAX_OFFSET * 4, maxLength: MAX_OFFSET * 4 }),
    ahead: offset,
    tail: offset,
    page: fc.integer({ min: 1, max: 10 }),
    grows: fc.array(fc.nat({ max: 3 }), { minLength: MAX_OFFSET, maxLength: MAX_OFFSET }),
    /** Up to where the log is trimmed, and after how many turns the connection closes, if at all. */
    trims: fc.option(offset),
    closesAfter: fc.option(fc.nat({ max: 10 })),
    /** For how many turns it may not join in the end, because its grant has just run out. */
    notReadyFor: fc.nat({ max: 3 }),
  })

  it('sends the missed notices once and in order, in small parts, up to the position of the room; or the reason for a gap', async () => {
    const property = fc.asyncProperty(given, async (world) => {
      const log = world.sizes.map((size, i) => noticeAt(i + 1, size))
      let current = Math.min(world.since + world.ahead, log.length)
      let turns = 0
      const room = {
        get position() {
          return { epoch: EPOCH, offset: current }
        },
        get tail() {
          return log.slice(Math.max(0, current - world.tail), current)
        },
      }
      const sent: Notice[] = []
      let ended: string | undefined
      const isJoined = await replay({ epoch: EPOCH, offset: world.since }, room, {
        async ready() {
          current = Math.min(log.length, current + (world.grows[turns++] ?? 0))
          return world.closesAfter === null || turns <= world.closesAfter
        },
        async read({ offset: after }) {
          const head = room.position
          if (world.trims !== null && after < world.trims) return { gap: 'trimmed', head }
          return { notices: log.slice(after, after + world.page), head }
        },
        restart: () => expect.fail('the epoch is the same'),
        send(notices) {
          expect(notices.length === 1 || messagesOf(notices) <= 2_048).to.equal(true)
          sent.push(...notices)
        },
        join(missed) {
          expect(ended).to.equal(undefined)
          expect(messagesOf(missed.notices ?? [])).to.be.at.most(8_192)
          if (turns <= world.notReadyFor) return false
          sent.push(...(missed.notices ?? []))
          ended = missed.gap ?? 'joined'
          if (missed.gap === undefined) expect(offsetsOf(sent)).to.deep.equal(between(world.since, current))
          return true
        },
      })
      expect(isJoined).to.equal(ended !== undefined)
      expect(offsetsOf(sent)).to.deep.equal(between(world.since, world.since + sent.length))
      if (world.closesAfter === null) expect(isJoined).to.equal(true)
      if (world.trims === null) expect(ended).to.be.oneOf(['joined', undefined])
    })
    await fc.assert(property, { numRuns: 300 })
  })
})

const messagesOf = (notices: readonly Notice[]): number =>
  notices.reduce((sum, notice) => sum + notice.messages.length, 0)
