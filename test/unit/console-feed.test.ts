import { expect } from 'chai'
import { createMatcher, Feed, isEmpty, MAX_ROWS, NO_FILTER } from '../../server/console/state/feed.ts'
import type { Filter, NoticeRow, Row } from '../../server/console/state/feed.ts'
import type { Conversation, GroupConversation } from '../../shared/conversation.ts'
import type { Notice } from '../../shared/notice.ts'
import { FEED } from '../../shared/room.ts'
import { seqsOf } from '../support/seqs.ts'

const noticeRow = (seq: number, fields: Partial<Notice & GroupConversation> = {}): NoticeRow => ({
  kind: 'notice',
  room: FEED,
  notice: {
    offset: seq,
    group: 'lobby',
    messages: [{ seq }],
    recalledAtMs: 1_000,
    receivedAtMs: 1_000,
    ...fields,
  },
})

/** A recall outside of groups. */
const recallRow = (recall: Conversation & Pick<Notice, 'messages' | 'sender'>): NoticeRow => ({
  kind: 'notice',
  room: FEED,
  notice: { offset: 1, recalledAtMs: 1_000, receivedAtMs: 1_000, ...recall },
})

const allSeqsOf = ({ shown }: Feed): number[] =>
  shown.flatMap(({ row }) => (row.kind === 'notice' ? seqsOf(row.notice.messages) : []))

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1)

describe('feed of the console', () => {
  it('keeps rows in order of arrival, each with its own key', () => {
    const feed = new Feed()
    feed.add([noticeRow(1), noticeRow(2)])
    feed.add([noticeRow(3)])
    expect(allSeqsOf(feed)).to.deep.equal([1, 2, 3])
    expect(new Set(feed.shown.map(({ key }) => key)).size).to.equal(3)
  })

  it('queues rows while paused, and shows all of them when resumed', () => {
    const feed = new Feed()
    feed.add([noticeRow(1)])
    feed.pause()
    feed.add([noticeRow(2), noticeRow(3)])
    expect(allSeqsOf(feed)).to.deep.equal([1])
    expect(feed.queuedRecalls).to.equal(2)
    feed.resume()
    expect(allSeqsOf(feed)).to.deep.equal([1, 2, 3])
    expect(feed.queuedRecalls).to.equal(0)
  })

  it('counts recalls, and not the remarks between them', () => {
    const feed = new Feed()
    feed.add([noticeRow(1), { kind: 'gap', reason: 'trimmed' }, noticeRow(2, { group: 'other' })])
    expect(feed.recalls).to.deep.equal({ all: 2, shown: 2 })
    feed.setFilter({ ...NO_FILTER, conversation: 'other' })
    expect(feed.recalls).to.deep.equal({ all: 2, shown: 1 })
    feed.add(upTo(MAX_ROWS * 2).map((seq) => noticeRow(seq)))
    expect(feed.recalls).to.deep.equal({ all: feed.recalls.all, shown: 0 })
    expect(feed.recalls.all).to.be.within(MAX_ROWS, MAX_ROWS * 1.5)
  })

  it('reports a gap while paused, although its row is queued', () => {
    const feed = new Feed()
    feed.pause()
    feed.add([noticeRow(1)])
    expect(feed.hidesGap).to.equal(false)
    feed.add([{ kind: 'gap', reason: 'trimmed' }])
    expect(feed.hidesGap).to.equal(true)
    // A gap is not a recall.
    expect(feed.queuedRecalls).to.equal(1)
    // Even when so many rows are queued that the gap's own row is dropped.
    feed.add(upTo(MAX_ROWS * 2).map((seq) => noticeRow(seq)))
    expect(feed.hidesGap).to.equal(true)
    feed.resume()
    expect(feed.hidesGap).to.equal(false)
  })

  it('queues each row once when paused twice', () => {
    const feed = new Feed()
    feed.pause()
    feed.add([noticeRow(1)])
    feed.pause()
    feed.resume()
    expect(allSeqsOf(feed)).to.deep.equal([1])
  })

  it('drops only the oldest rows, and says so', () => {
    const feed = new Feed()
    const all = upTo(MAX_ROWS + 1_500)
    for (const seq of all) feed.add([noticeRow(seq)])
    expect(feed.isTrimmed).to.equal(true)
    expect(feed.recalls.all).to.be.within(MAX_ROWS, MAX_ROWS + 1_000)
    expect(allSeqsOf(feed)).to.deep.equal(all.slice(-feed.recalls.all))
  })

  it('is bounded while paused too', () => {
    const feed = new Feed()
    feed.pause()
    for (const seq of upTo(MAX_ROWS + 1_500)) feed.add([noticeRow(seq)])
    expect(feed.isTrimmed).to.equal(true)
    feed.resume()
    expect(feed.recalls.all).to.equal(MAX_ROWS)
    expect(allSeqsOf(feed).at(-1)).to.equal(MAX_ROWS + 1_500)
  })

  it('filters old and new rows, and keeps the others', () => {
    const feed = new Feed()
    feed.add([noticeRow(1), noticeRow(2, { group: 'other' })])
    feed.setFilter({ ...NO_FILTER, conversation: 'oth' })
    feed.add([noticeRow(3), noticeRow(4, { group: 'other' })])
    expect(allSeqsOf(feed)).to.deep.equal([2, 4])
    feed.setFilter(NO_FILTER)
    expect(allSeqsOf(feed)).to.deep.equal([1, 2, 3, 4])
  })
})

describe('filter of the console', () => {
  const matches = (filter: Partial<Filter>, row: Row): boolean =>
    createMatcher({ ...NO_FILTER, ...filter })(row)
  const row = noticeRow(1, {
    group: 'Spring Sale',
    topic: 'Trading',
    operator: 'mod_linh',
    groupType: 'Community',
    recalledAtMs: Date.parse('2026-03-01T10:00'),
  })

  it('matches any part of a name, in lower or upper case', () => {
    expect(matches({ conversation: 'spring' }, row)).to.equal(true)
    expect(matches({ conversation: 'sprung' }, row)).to.equal(false)
    expect(matches({ topic: ' TRAD ' }, row)).to.equal(true)
    expect(matches({ operator: 'linh' }, row)).to.equal(true)
    expect(matches({ type: 'public' }, row)).to.equal(false)
  })

  it('requires every field to match', () => {
    expect(matches({ conversation: 'spring', operator: 'linh' }, row)).to.equal(true)
    expect(matches({ conversation: 'spring', operator: 'other' }, row)).to.equal(false)
  })

  it('finds a conversation of two by each of them, an official account by its name, and all by their kind', () => {
    const official = recallRow({ official: 'news', messages: [{ key: 'k' }] })
    const c2c = recallRow({ c2c: ['alice', 'bob'], messages: [{ key: 'k' }], sender: 'bob' })
    const all = [row, c2c, official]
    const found = (filter: Partial<Filter>) => all.filter((one) => matches(filter, one))
    expect(found({ conversation: 'ALICE' })).to.deep.equal([c2c])
    expect(found({ conversation: 'bob' })).to.deep.equal([c2c])
    expect(found({ conversation: 'new' })).to.deep.equal([official])
    expect(found({ conversation: 'undefined' })).to.deep.equal([])
    expect(found({ kind: 'group' })).to.deep.equal([row])
    expect(found({ kind: 'c2c' })).to.deep.equal([c2c])
    expect(found({ kind: 'official' })).to.deep.equal([official])
    expect(found({ kind: 'c2c', conversation: 'spring' })).to.deep.equal([])
    expect(found({ kind: 'c2c', topic: 'x' })).to.deep.equal([])
  })

  it('hides rows that lack the filtered field', () => {
    expect(matches({ topic: 'trading' }, noticeRow(1))).to.equal(false)
    expect(matches({ operator: 'linh' }, noticeRow(1))).to.equal(false)
  })

  it('includes both ends of the time range', () => {
    expect(matches({ from: '2026-03-01T10:00', until: '2026-03-01T10:00' }, row)).to.equal(true)
    expect(matches({ from: '2026-03-01T10:01' }, row)).to.equal(false)
    expect(matches({ until: '2026-03-01T09:59' }, row)).to.equal(false)
  })

  it('never hides a gap', () => {
    expect(matches({ conversation: 'spring' }, { kind: 'gap', reason: 'trimmed' })).to.equal(true)
  })

  it('knows whether it is empty', () => {
    expect(isEmpty(NO_FILTER)).to.equal(true)
    expect(isEmpty({ ...NO_FILTER, from: '2026-03-01T10:00' })).to.equal(false)
  })
})
