import { expect } from 'chai'
import fc from 'fast-check'
import { answerSince } from '../../server/broker/history.ts'
import { missedSince } from '../../server/realtime/sessions/join.ts'
import { replay } from '../../server/realtime/sessions/join.ts'
import type { Notice } from '../../shared/notice.ts'
import { mergeInOrder } from '../../shared/position.ts'

const EPOCH = 'e'
const LONGEST = 30

const noticeAt = (offset: number, messages = 1): Notice => ({
  offset,
  group: 'g',
  messages: Array.from({ length: messages }, (_, i) => ({ seq: i + 1 })),
  recalledAtMs: 1,
  receivedAtMs: 1,
})
const offsetsOf = (notices: readonly { offset: number }[]): number[] => notices.map(({ offset }) => offset)
/** The offsets after `from`, up to and with `to`. */
const between = (from: number, to: number): number[] =>
  Array.from({ length: Math.max(0, to - from) }, (_, i) => from + 1 + i)
const noticesBetween = (from: number, to: number): Notice[] =>
  between(from, to).map((offset) => noticeAt(offset))

const offset = fc.nat({ max: LONGEST })
const scattered = fc.array(fc.integer({ min: 1, max: LONGEST }), { maxLength: LONGEST })

describe('mergeInOrder, for any runs of a log', () => {
  it('takes exactly what follows without a hole, each once and in order, and tells of a hole', () => {
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

  it('makes a whole log of overlapping pieces, however they are cut and mixed', () => {
    const pieces = fc.array(fc.tuple(offset, offset), { maxLength: 5 })
    const property = fc.property(offset, offset, offset, pieces, (after, top, cut, more) => {
      const covering = [noticesBetween(cut - 2, top), noticesBetween(after, cut)]
      const overlapping = more.map(([from, to]) => noticesBetween(from, Math.min(to, top)).toReversed())
      const { run, hole } = mergeInOrder(after, ...overlapping, ...covering)
      expect(offsetsOf(run)).to.deep.equal(between(after, Math.max(top, cut)))
      expect(hole).to.equal(false)
    })
    fc.assert(property)
  })
})

describe('what a log answers since any position', () => {
  const epoch = fc.constantFrom(EPOCH, EPOCH, EPOCH, 'other')
  /** A log up to `top` that still holds what follows `trimmed`, where some entries cannot be read. */
  const log = fc.record({
    top: offset,
    trimmed: offset,
    unreadable: fc.array(fc.integer({ min: 1, max: LONGEST }), { maxLength: 2 }),
    limit: fc.integer({ min: 1, max: LONGEST }),
  })

  it('is the next page without a hole, or a gap for the reason that there is, and never a part as if it were whole', () => {
    const property = fc.property(
      epoch,
      offset,
      log,
      (ofEpoch, since, { top, trimmed, unreadable, limit }) => {
        const end = { epoch: EPOCH, offset: top }
        const page = between(Math.max(since, trimmed), top).slice(0, limit)
        const read = page.map((at) => (unreadable.includes(at) ? null : noticeAt(at)))
        const answer = answerSince({ epoch: ofEpoch, offset: since }, end, read)
        expect(answer.head).to.equal(end)
        if (answer.gap === undefined) {
          expect(ofEpoch).to.equal(EPOCH)
          expect(offsetsOf(answer.notices)).to.deep.equal(between(since, Math.min(top, since + limit)))
          expect(read).to.not.include(null)
        } else if (answer.gap === 'epoch-changed') {
          expect(ofEpoch !== EPOCH || since > top).to.equal(true)
        } else if (answer.gap === 'trimmed') {
          expect(trimmed).to.be.greaterThan(since)
        } else {
          expect(answer.gap).to.equal('unreadable')
          expect(read).to.include(null)
        }
      },
    )
    fc.assert(property, { numRuns: 300 })
  })

  it('is a gap whenever what was read has a hole anywhere', () => {
    const property = fc.property(
      offset,
      fc.integer({ min: 2, max: LONGEST }),
      offset,
      (since, length, at) => {
        const holed = noticesBetween(since, since + length).toSpliced(at % (length - 1), 1)
        const top = { epoch: EPOCH, offset: since + length }
        expect(answerSince({ epoch: EPOCH, offset: since }, top, holed)).to.deep.equal({
          gap: 'trimmed',
          head: top,
        })
      },
    )
    fc.assert(property)
  })
})

describe('what a socket missed, for any tail of the room and any read of the log', () => {
  const given = fc.record({
    since: offset,
    stands: offset,
    tail: offset,
    pages: fc.array(offset),
    size: offset,
  })

  it('is exactly what lies between, or not known yet, and then the next page is asked for', () => {
    const property = fc.property(given, ({ since, stands, tail, size }) => {
      const room = { position: { epoch: EPOCH, offset: stands }, tail: noticesBetween(stands - tail, stands) }
      const read = noticesBetween(since, since + size)
      const missed = missedSince({ epoch: EPOCH, offset: since }, room, read)
      if (since > stands) expect(missed).to.deep.equal({ gap: 'epoch-changed' })
      else if (since + size >= stands - tail || since + size >= stands) {
        expect('notices' in missed && offsetsOf(missed.notices)).to.deep.equal(between(since, stands))
      } else expect(missed).to.deep.equal({ readAfter: since + size })
    })
    fc.assert(property, { numRuns: 300 })
  })

  it('is known after as many pages as the log has, while the room goes on', () => {
    const steps = fc.array(fc.record({ page: fc.integer({ min: 1, max: 10 }), grows: fc.nat({ max: 9 }) }), {
      minLength: LONGEST + 1,
    })
    const property = fc.property(offset, offset, offset, steps, (since, ahead, tail, turns) => {
      let stands = since + ahead
      const read: Notice[] = []
      for (const { page, grows } of turns) {
        const room = {
          position: { epoch: EPOCH, offset: stands },
          tail: noticesBetween(stands - tail, stands),
        }
        const missed = missedSince({ epoch: EPOCH, offset: since }, room, read)
        if ('notices' in missed) {
          expect(offsetsOf(missed.notices)).to.deep.equal(between(since, stands))
          return
        }
        if (!('readAfter' in missed)) throw new Error(`a gap where nothing is missing: ${missed.gap}`)
        expect(missed.readAfter).to.equal(since + read.length)
        const end = Math.min(stands + grows, missed.readAfter + page + grows)
        read.push(...noticesBetween(missed.readAfter, end))
        stands += grows
      }
      throw new Error('still not known')
    })
    fc.assert(property)
  })

  it('is a gap when it is more than is replayed', () => {
    const property = fc.property(fc.integer({ min: 990, max: 1_010 }), (missing) => {
      const tail = noticesBetween(0, missing)
      const room = { position: { epoch: EPOCH, offset: missing }, tail }
      const missed = missedSince({ epoch: EPOCH, offset: 0 }, room, [])
      expect(missed).to.deep.equal(missing > 1_000 ? { gap: 'too-many' } : { notices: tail })
    })
    fc.assert(property, { numRuns: 50 })
  })
})

describe('a replay, for any room that goes on meanwhile', () => {
  /** Enough for one frame, for one of four, and for next to nothing. */
  const messages = fc.constantFrom(1, 500, 2_500)
  const given = fc.record({
    since: offset,
    sizes: fc.array(messages, { minLength: LONGEST * 4, maxLength: LONGEST * 4 }),
    ahead: offset,
    tail: offset,
    page: fc.integer({ min: 1, max: 10 }),
    grows: fc.array(fc.nat({ max: 3 }), { minLength: LONGEST, maxLength: LONGEST }),
    /** How far the log is trimmed at the end of the replay, and when the socket leaves, if it does. */
    trims: fc.option(offset),
    leaves: fc.option(fc.nat({ max: 10 })),
  })

  it('tells what was missed once and in order, in small pieces, up to where the room stands; or why it cannot', async () => {
    const property = fc.asyncProperty(given, async (world) => {
      const log = world.sizes.map((size, i) => noticeAt(i + 1, size))
      let stands = Math.min(world.since + world.ahead, log.length)
      let turns = 0
      const room = {
        get position() {
          return { epoch: EPOCH, offset: stands }
        },
        get tail() {
          return log.slice(Math.max(0, stands - world.tail), stands)
        },
      }
      const told: Notice[] = []
      let ended: string | undefined
      const isEntered = await replay({ epoch: EPOCH, offset: world.since }, room, {
        isOpen: () => world.leaves === null || turns <= world.leaves,
        async flushed() {
          stands = Math.min(log.length, stands + (world.grows[turns++] ?? 0))
        },
        async read({ offset: after }) {
          const top = room.position
          if (world.trims !== null && after < world.trims) return { gap: 'trimmed', head: top }
          return { notices: log.slice(after, after + world.page), head: top }
        },
        send(notices) {
          expect(notices.length === 1 || messagesOf(notices) <= 2_048).to.equal(true)
          told.push(...notices)
        },
        join(missed) {
          expect(ended).to.equal(undefined)
          expect(messagesOf(missed.notices ?? [])).to.be.at.most(8_192)
          told.push(...(missed.notices ?? []))
          ended = missed.gap ?? 'there'
          if (missed.gap === undefined) expect(offsetsOf(told)).to.deep.equal(between(world.since, stands))
        },
      })
      expect(isEntered).to.equal(ended !== undefined)
      expect(offsetsOf(told)).to.deep.equal(between(world.since, world.since + told.length))
      if (world.leaves === null) expect(isEntered).to.equal(true)
      if (world.trims === null) expect(ended).to.be.oneOf(['there', undefined])
    })
    await fc.assert(property, { numRuns: 300 })
  })
})

const messagesOf = (notices: readonly Notice[]): number =>
  notices.reduce((sum, notice) => sum + notice.messages.length, 0)
