import { expect } from 'chai'
import { identityOf } from '../../server/console/state/conversations.ts'
import { Feed, MAX_ROWS } from '../../server/console/state/feed.ts'
import type { NoticeRow, Row } from '../../server/console/state/feed.ts'
import { GatewayClock } from '../../server/console/state/gateway-clock.ts'
import { Interruptions } from '../../server/console/state/interruptions.ts'
import type { Interruption } from '../../server/console/state/interruptions.ts'
import { latestOf } from '../../server/console/state/room-rows.ts'
import type { Conversation, GroupConversation } from '../../shared/conversation.ts'
import type { Notice } from '../../shared/notice.ts'
import { FEED } from '../../shared/room.ts'
import { seqsOf } from '../support/seqs.ts'

const noticeRow = (seq: number, fields: Partial<Notice & GroupConversation> = {}): NoticeRow => ({
  kind: 'notice',
  room: FEED,
  epoch: 'e1',
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
  epoch: 'e1',
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
    feed.setSearch('group:other')
    expect(feed.recalls).to.deep.equal({ all: 2, shown: 1 })
    feed.add(upTo(MAX_ROWS * 2).map((seq) => noticeRow(seq)))
    // What was found stays, and is none of those that are loaded.
    expect(feed.recalls).to.deep.equal({ all: feed.recalls.all, shown: 0 })
    expect([feed.shownBeyond, allSeqsOf(feed)]).to.deep.equal([1, [2]])
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
    feed.setSearch('oth')
    feed.add([noticeRow(3), noticeRow(4, { group: 'other' })])
    expect(allSeqsOf(feed)).to.deep.equal([2, 4])
    feed.setSearch('')
    expect(allSeqsOf(feed)).to.deep.equal([1, 2, 3, 4])
  })
})

describe('the latest recalls of a room', () => {
  const gap = { kind: 'gap', reason: 'trimmed' } as const
  const interruption = new Interruptions(new GatewayClock(() => 0)).onState({ kind: 'stale', since: 1 })
  const lost: Row = { kind: 'interruption', interruption: interruption as Interruption }
  const latest = (...rows: readonly Row[]) =>
    latestOf(rows.map((row, key) => ({ key, row }))).map(({ row }) =>
      row.kind === 'notice' ? row.notice.offset : row.kind,
    )

  it('are not pushed out by remarks, of which there is one at most between two, and a gap before all others', () => {
    const [one, two, ...more] = upTo(6).map((seq) => noticeRow(seq))
    expect(latest()).to.deep.equal([])
    expect(latest(lost, lost)).to.deep.equal(['interruption'])
    expect(latest(one as Row, lost, gap, lost, lost, two as Row, lost, lost)).to.deep.equal([
      'interruption',
      2,
      'gap',
      1,
    ])
    const many = latest(one as Row, lost, two as Row, lost, lost, ...more, gap)
    expect(many.join()).to.equal('gap,6,5,4,3,interruption,2')
  })
})

describe('the search of the feed', () => {
  const found = (text: string): number => {
    const feed = new Feed()
    feed.add([
      noticeRow(1, { group: 'Spring Sale', operator: 'mod_linh' }),
      recallRow({ c2c: ['alice', 'bob'], messages: [{ key: 'k' }], sender: 'bob' }),
      { kind: 'gap', reason: 'trimmed' },
    ])
    feed.setSearch(text)
    expect(feed.isFiltered).to.equal(text !== '')
    return feed.recalls.shown
  }

  it('is in the language of filters', () => {
    expect(found('')).to.equal(2)
    expect(found('spring operator:mod_linh')).to.equal(1)
    expect(found('kind:c2c -alice')).to.equal(0)
  })

  it('shows nothing while it cannot be read, remarks neither', () => {
    const feed = new Feed()
    feed.add([noticeRow(1), { kind: 'gap', reason: 'trimmed' }])
    feed.setSearch('nokey:x')
    expect(feed.shown).to.deep.equal([])
    // Never hides a gap otherwise.
    feed.setSearch('group:other')
    expect(feed.shown.map(({ row }) => row.kind)).to.deep.equal(['gap'])
  })

  it('knows what it holds, also of rows that wait, so that the logs add nothing twice', () => {
    const feed = new Feed()
    const [first, second, other] = [noticeRow(1), noticeRow(2), noticeRow(3, { group: 'other' })]
    // Found in the log of the group, where its offset is another.
    const holds = (): boolean[] =>
      [first, second, other].map((row) =>
        feed.holds({ identity: identityOf(row.notice), row: { ...row, room: { group: 'lobby' } } }),
      )
    feed.setSearch('group:lobby')
    feed.add([first, other])
    expect(holds()).to.deep.equal([true, false, false])
    feed.pause()
    feed.add([second])
    expect(holds()).to.deep.equal([true, true, false])
    feed.resume()
    feed.setSearch('group:other')
    expect(holds()).to.deep.equal([false, false, true])
  })

  it('knows by its place in the log of the feed what it holds, as long as nothing is missing between its rows', () => {
    const feed = new Feed()
    const holds = (seq: number): boolean => {
      const row = noticeRow(seq)
      return feed.holds({ identity: identityOf(row.notice), row })
    }
    feed.add([noticeRow(5), noticeRow(6)])
    // What the log holds already has not come here yet: nobody may take it for one that is here.
    expect([4, 5, 6, 7].map(holds)).to.deep.equal([false, true, true, false])
    feed.add([{ kind: 'gap', reason: 'too-many' }, noticeRow(9)])
    expect([4, 5, 7, 8, 9].map(holds)).to.deep.equal([false, true, false, false, true])
  })

  it('says how many of those that wait match, and when what was found is no longer all', () => {
    const feed = new Feed()
    feed.add([noticeRow(1)])
    feed.setSearch('seq:130')
    feed.pause()
    feed.add([noticeRow(130), noticeRow(131)])
    expect([feed.queuedMatches, feed.recalls.shown]).to.deep.equal([1, 0])
    feed.setSearch('seq:131,132')
    expect(feed.queuedMatches).to.equal(1)
    const before = feed.holes
    feed.add(upTo(MAX_ROWS * 3).map((seq) => noticeRow(seq + 200)))
    expect([feed.queuedMatches, feed.holes]).to.deep.equal([0, before + 1])
    // Once more when they are shown: what was cut since can be searched now.
    feed.resume()
    expect([feed.queuedMatches, feed.holes]).to.deep.equal([0, before + 2])
    feed.add([{ kind: 'gap', reason: 'too-many' }])
    expect(feed.holes).to.equal(before + 3)
  })
})
