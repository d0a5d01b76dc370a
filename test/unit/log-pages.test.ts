import { expect } from 'chai'
import { MAX_PAGE_BYTES, readAfter, readBefore, readReceivedSince } from '../../server/api/log-pages.ts'
import type { Page } from '../../server/api/log-pages.ts'
import { historySince } from '../../server/broker/history.ts'
import type { Notice } from '../../shared/notice.ts'
import { FEED } from '../../shared/room.ts'

const ALL = 1_000
const EPOCH = 'e'
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1)

/** A log of `count` recalls of `messages` messages each. `state.maxRead` is the largest read, of `state.reads`. */
function createLog(count: number, messages: number, receivedAtMs = (offset: number) => offset) {
  const stored = upTo(count).map((offset): Notice => {
    const named = upTo(messages).map((seq) => ({ seq, id: `144115233406643804-1700000000-${seq}` }))
    return {
      offset,
      group: 'g',
      messages: named,
      recalledAtMs: offset,
      receivedAtMs: receivedAtMs(offset),
    }
  })
  const state = { epoch: EPOCH, maxRead: 0, reads: 0 }
  const head = () => ({ epoch: state.epoch, offset: count })
  const read = (notices: readonly Notice[]) => {
    state.reads++
    state.maxRead = Math.max(state.maxRead, notices.length)
    return notices
  }
  return {
    state,
    log: {
      history: async (_room: unknown, since: { epoch: string; offset: number }, limit: number) =>
        historySince(since, head(), read(stored.slice(since.offset, since.offset + limit))),
      historyBefore: async (_room: unknown, before: number, limit: number) => ({
        notices: read(stored.filter(({ offset }) => offset < before).slice(-limit)),
        unreadable: 0,
        firstOffset: stored.filter(({ offset }) => offset < before).slice(-limit)[0]?.offset,
        head: head(),
      }),
    },
  }
}

const offsetsOf = ({ notices }: Page): number[] => notices.map(({ offset }) => offset)
const bytesOf = ({ notices }: Page): number => Buffer.byteLength(JSON.stringify(notices))

describe('pages of a log', () => {
  const big = createLog(200, 1_000)
  const oneMore = 80_000

  it('are bounded in bytes and continue without a gap, after a position', async () => {
    const offsets: number[] = []
    let at = { epoch: EPOCH, offset: 0 }
    for (let more = true; more;) {
      const page = await readAfter(big.log, FEED, at, ALL)
      expect(bytesOf(page)).to.be.below(MAX_PAGE_BYTES + oneMore)
      offsets.push(...offsetsOf(page))
      ;({ position: at, more } = page)
    }
    expect(offsets).to.deep.equal(upTo(200))
    expect(big.state.maxRead).to.be.at.most(100)
  })

  it('are bounded in bytes and continue without a gap, before an offset', async () => {
    const offsets: number[] = []
    let before = Number.MAX_SAFE_INTEGER
    for (let older: boolean | undefined = true; older;) {
      const page = await readBefore(big.log, FEED, before, ALL)
      expect(bytesOf(page)).to.be.below(MAX_PAGE_BYTES + oneMore)
      offsets.unshift(...offsetsOf(page))
      before = offsets[0] ?? 0
      older = page.older
    }
    expect(offsets).to.deep.equal(upTo(200))
  })

  it('are bounded in bytes and continue without a gap, received since a time', async () => {
    const first = await readReceivedSince(big.log, FEED, 50, ALL)
    expect(bytesOf(first)).to.be.below(MAX_PAGE_BYTES + oneMore)
    expect(first.more).to.equal(true)
    expect(offsetsOf(first)[0]).to.equal(50)
    const rest = await readAfter(big.log, FEED, first.position, 1)
    expect(offsetsOf(rest)).to.deep.equal([(offsetsOf(first).at(-1) ?? 0) + 1])
  })

  it('contain at least one notice, of any size', async () => {
    const { log } = createLog(2, 30_000)
    expect(offsetsOf(await readAfter(log, FEED, { epoch: EPOCH, offset: 0 }, ALL))).to.deep.equal([1])
    expect(offsetsOf(await readBefore(log, FEED, ALL, ALL))).to.deep.equal([2])
    expect(offsetsOf(await readReceivedSince(log, FEED, 0, ALL))).to.deep.equal([1])
  })

  it('contain as many notices as requested, and tell whether there are others', async () => {
    const { log } = createLog(250, 1)
    const since = (offset: number) => ({ epoch: EPOCH, offset })
    expect(await readAfter(log, FEED, since(0), 250)).to.deep.include({ more: false, position: since(250) })
    expect(await readAfter(log, FEED, since(0), 249)).to.deep.include({ more: true, position: since(249) })
    expect(await readAfter(log, FEED, since(250), 10)).to.deep.include({ notices: [], more: false })
    expect((await readBefore(log, FEED, 251, 250)).older).to.equal(false)
    const cut = await readBefore(log, FEED, 251, 249)
    expect(offsetsOf(cut)).to.deep.equal(upTo(250).slice(1))
    expect(cut.older).to.equal(true)
    expect(await readBefore(log, FEED, 1, 5)).to.deep.include({ notices: [], older: false })
    expect((await readReceivedSince(log, FEED, 0, ALL)).notices).to.have.length(250)
    expect(await readReceivedSince(log, FEED, 999, ALL)).to.deep.include({ notices: [], more: false })
  })

  it('pass over what nobody can read, however much, and say how much', async () => {
    const { log, state } = createLog(450, 1)
    // As if 150 of the latest, and the one before 100, were signed with another key.
    const isUnreadable = (offset: number): boolean => offset === 100 || (offset > 250 && offset <= 400)
    const spoiled = {
      ...log,
      historyBefore: async (...request: Parameters<typeof log.historyBefore>) => {
        const read = await log.historyBefore(...request)
        const notices = read.notices.filter(({ offset }) => !isUnreadable(offset))
        return { ...read, notices, unreadable: read.notices.length - notices.length }
      },
    }
    const readable = upTo(450).filter((offset) => !isUnreadable(offset))
    const all = await readBefore(spoiled, FEED, ALL, ALL)
    expect(all).to.deep.include({ unreadable: 151, older: false })
    expect(offsetsOf(all)).to.deep.equal(readable)
    const since = await readReceivedSince(spoiled, FEED, 200, ALL)
    expect(offsetsOf(since)).to.deep.equal(readable.filter((offset) => offset >= 200))
    expect(since.unreadable).to.equal(151)
    const reads = state.reads
    expect(await readBefore(spoiled, FEED, 401, 1)).to.deep.include({ older: true })
    expect(state.reads - reads, 'reads of 150 that nobody can read').to.be.at.most(4)
    // Who follows the log from there is told of them.
    expect((await readReceivedSince(spoiled, FEED, 999, ALL)).position.offset).to.equal(450)
    const ended = {
      ...spoiled,
      historyBefore: (_: unknown, before: number, limit: number) =>
        spoiled.historyBefore(FEED, Math.min(before, 401), limit),
    }
    expect((await readReceivedSince(ended, FEED, 999, ALL)).position.offset).to.equal(250)
    expect(await readBefore(log, FEED, ALL, ALL)).to.not.have.property('unreadable')
  })

  it('find notices received since a time on both sides of one that waited in a spool', async () => {
    const { log } = createLog(250, 1, (offset) => (offset === 130 ? 1 : offset))
    const { notices } = await readReceivedSince(log, FEED, 20, ALL)
    expect(notices.map(({ offset }) => offset)).to.deep.equal(
      upTo(250).filter((offset) => offset >= 20 && offset !== 130),
    )
  })

  it('never mix two epochs of a log', async () => {
    const { log, state } = createLog(250, 1)
    const newEpoch = {
      ...log,
      historyBefore: async (...request: Parameters<typeof log.historyBefore>) => {
        const read = await log.historyBefore(...request)
        state.epoch += 'x'
        return read
      },
    }
    expect(offsetsOf(await readBefore(newEpoch, FEED, ALL, ALL))).to.deep.equal(upTo(250).slice(150))
    state.epoch = EPOCH
    expect((await readReceivedSince(newEpoch, FEED, 0, ALL)).notices).to.have.length(100)
    state.epoch = EPOCH
    const lost = {
      ...log,
      history: async (...request: Parameters<typeof log.history>) => {
        const read = await log.history(...request)
        state.epoch += 'x'
        return read
      },
    }
    const first = await readAfter(lost, FEED, { epoch: EPOCH, offset: 0 }, ALL)
    expect(first).to.deep.include({ more: true, position: { epoch: EPOCH, offset: 100 } })
    expect(await readAfter(lost, FEED, first.position, ALL)).to.deep.include({ gap: 'epoch-changed' })
  })

  it('are empty before the first offset, and never ask for what is before 0', async () => {
    const { log } = createLog(3, 1)
    const strict = {
      ...log,
      historyBefore: async (room: unknown, before: number, limit: number) => {
        if (before < 1) throw new Error('no log knows what is before 0')
        return await log.historyBefore(room, before, limit)
      },
    }
    for (const before of [0, 1]) {
      const page = await readBefore(strict, FEED, before, ALL)
      expect(page).to.deep.include({ notices: [], more: false, older: false })
    }
  })
})
