import { expect } from 'chai'
import { historySince } from '../../server/broker/history.ts'
import { missedSince } from '../../server/realtime/sessions/replay.ts'
import type { Notice } from '../../shared/notice.ts'
import { mergeInOrder } from '../../shared/position.ts'

const notice = (offset: number): Notice => ({
  offset,
  group: 'g',
  messages: [{ seq: offset }],
  recalledAtMs: 1,
  receivedAtMs: 1,
})
const notices = (...offsets: number[]): Notice[] => offsets.map(notice)
const offsetsOf = (list: readonly Notice[]): number[] => list.map(({ offset }) => offset)

describe('mergeInOrder', () => {
  const merge = (after: number, ...lists: number[][]) => {
    const { run, hole } = mergeInOrder(after, ...lists.map((list) => notices(...list)))
    return { offsets: offsetsOf(run), hole }
  }

  it('merges history and live notices, each once, in order', () => {
    expect(merge(6, [7, 8], [8, 9])).to.deep.equal({ offsets: [7, 8, 9], hole: false })
    expect(merge(6, [9, 7], [8])).to.deep.equal({ offsets: [7, 8, 9], hole: false })
  })

  it('leaves out known entries', () => {
    expect(merge(8, [7, 8], [8, 9])).to.deep.equal({ offsets: [9], hole: false })
  })

  it('stops at the first hole and says so', () => {
    expect(merge(6, [7], [9])).to.deep.equal({ offsets: [7], hole: true })
    expect(merge(6, [], [9])).to.deep.equal({ offsets: [], hole: true })
  })

  it('is empty without a hole when nothing follows', () => {
    expect(merge(6)).to.deep.equal({ offsets: [], hole: false })
    expect(merge(6, [5, 6])).to.deep.equal({ offsets: [], hole: false })
  })
})

describe('historySince', () => {
  const head = { epoch: 'e', offset: 9 }
  const since = (offset: number, epoch = 'e') => ({ epoch, offset })

  it('is empty at the head, even when every entry has expired', () => {
    expect(historySince(since(9), head, [])).to.deep.equal({ notices: [], head })
  })

  it('returns the entries that follow the position', () => {
    expect(historySince(since(7), head, notices(8, 9))).to.deep.equal({ notices: notices(8, 9), head })
  })

  it('is a gap when the log no longer reaches back', () => {
    expect(historySince(since(5), head, notices(8, 9))).to.deep.equal({ gap: 'trimmed', head })
    expect(historySince(since(5), head, [])).to.deep.equal({ gap: 'trimmed', head })
    expect(historySince(since(5), head, notices(6, 8))).to.deep.equal({ gap: 'trimmed', head })
  })

  it('is a gap for another epoch, and for a position beyond the head', () => {
    expect(historySince(since(9, 'other'), head, [])).to.deep.equal({ gap: 'epoch-changed', head })
    expect(historySince(since(10), head, [])).to.deep.equal({ gap: 'epoch-changed', head })
    const resume = { epoch: 'e', offset: 4 }
    expect(historySince(since(10), head, [], 4)).to.deep.equal({ gap: 'epoch-changed', head, resume })
  })

  it('is a gap rather than a part when an entry is unreadable', () => {
    expect(historySince(since(7), head, [notice(8), null])).to.deep.equal({ gap: 'unreadable', head })
  })
})

describe('missedSince', () => {
  const room = (offset: number, ...tail: number[]) => ({
    position: { epoch: 'e', offset },
    tail: notices(...tail),
  })

  it('needs only the tail of the room when that reaches back far enough', () => {
    expect(missedSince({ epoch: 'e', offset: 7 }, room(9, 7, 8, 9), [])).to.deep.equal({
      notices: notices(8, 9),
    })
    expect(missedSince({ epoch: 'e', offset: 9 }, room(9), [])).to.deep.equal({ notices: [] })
  })

  it('asks for the log where the tail does not reach', () => {
    expect(missedSince({ epoch: 'e', offset: 3 }, room(9, 8, 9), [])).to.deep.equal({ readAfter: 3 })
    expect(missedSince({ epoch: 'e', offset: 3 }, room(9, 8, 9), notices(4, 5))).to.deep.equal({
      readAfter: 5,
    })
  })

  it('ends exactly at the position of the room, however far the log was read', () => {
    expect(missedSince({ epoch: 'e', offset: 6 }, room(8), notices(7, 8, 9))).to.deep.equal({
      notices: notices(7, 8),
    })
  })

  it('is a gap for another epoch, for a position ahead of the log, and for more than 1,000 notices', () => {
    expect(missedSince({ epoch: 'x', offset: 9 }, room(9), [])).to.deep.equal({ gap: 'epoch-changed' })
    expect(missedSince({ epoch: 'e', offset: 10 }, room(9), [])).to.deep.equal({ gap: 'epoch-changed' })
    expect(missedSince({ epoch: 'e', offset: 0 }, room(1_001), [])).to.deep.equal({ gap: 'too-many' })
  })
})
