import { setImmediate } from 'node:timers/promises'
import { expect } from 'chai'
import { withRowsOf } from '../../server/console/list/row-window.ts'
import type { Api } from '../../server/console/state/api.ts'
import { askedForAmong } from '../../server/console/state/asked-for.ts'
import type { KeyedRow, NoticeRow } from '../../server/console/state/feed.ts'
import { namesConversation, ownLogFilters } from '../../server/console/state/filter-text.ts'
import { readLog } from '../../server/console/state/log-pages.ts'
import { recalledBy } from '../../server/console/state/lookup.ts'
import { Search } from '../../server/console/state/search.ts'
import { keyOfRecall } from '../../server/console/state/open-recall.ts'
import type { NoticesResponse } from '../../shared/http-api.ts'
import type { SearchResponse } from '../../shared/http-api/search.ts'
import { FEED } from '../../shared/room.ts'
import type { Room } from '../../shared/room.ts'

const LOBBY = { group: 'lobby' } as const

const noticeOf = (offset: number, recalledAtMs = 1_000) => ({
  offset,
  ...LOBBY,
  messages: [{ seq: offset }],
  recalledAtMs,
  receivedAtMs: recalledAtMs,
})

const rowOf = (offset: number, room: Room = FEED, epoch = 'e1'): NoticeRow => ({
  kind: 'notice',
  room,
  epoch,
  notice: noticeOf(offset),
})

const keyed = (...keys: number[]): KeyedRow[] => keys.map((key) => ({ key, row: rowOf(Math.abs(key)) }))

describe('rows that are held', () => {
  const merged = (rows: number[], others: number[]): number[] =>
    withRowsOf(keyed(...rows), keyed(...others)).map(({ key }) => key)

  it('stay though the page has dropped them, between those that came beside them', () => {
    expect(merged([3, 4], [1, 2, 3])).to.deep.equal([1, 2, 3, 4])
    expect(merged([-2, 5], [-1, 3, 5])).to.deep.equal([-2, -1, 3, 5])
    expect(merged([], [1, 2])).to.deep.equal([1, 2])
    expect(merged([1, 2], [])).to.deep.equal([1, 2])
  })

  it('are the same array if none is gone', () => {
    const rows = keyed(1, 2, 3)
    expect(withRowsOf(rows, keyed(1, 3))).to.equal(rows)
  })
})

describe('the open recall', () => {
  it('is found in a list by its place, or by what it is, in whichever log it was found', () => {
    const rows: KeyedRow[] = [
      { key: -1, row: rowOf(5, LOBBY, 'e2') },
      { key: 1, row: rowOf(6) },
    ]
    expect(keyOfRecall(rows, rowOf(6))).to.equal(1)
    // Read from the log of another room, it is the same recall.
    expect(keyOfRecall(rows, rowOf(6, { group: 'hall' }))).to.equal(1)
    expect(keyOfRecall(rows, rowOf(5))).to.equal(-1)
    expect(keyOfRecall(rows, rowOf(7))).to.equal(undefined)
    expect(keyOfRecall(rows, undefined)).to.equal(undefined)
  })
})

describe('filters and the logs that they ask', () => {
  it('name a conversation if they name one, and one only', () => {
    const whole = ['group:lobby 130', 'c2c:alice c2c:bob', 'official:@news']
    const feed = ['130 lobby', 'group:lobby,hall', '-group:lobby', 'c2c:alice', 'topic:news', 'group:']
    expect(whole.filter(namesConversation)).to.deep.equal(whole)
    expect(feed.filter(namesConversation)).to.deep.equal([])
  })

  it('lead from words to the logs of the groups that they may name', () => {
    expect(ownLogFilters('130 @TGS#1 -bot')).to.deep.equal([{ group: '@TGS#1', q: '130 group:@TGS#1 -bot' }])
    expect(ownLogFilters('group:lobby hall')).to.deep.equal([])
    expect(ownLogFilters('"two words"')).to.deep.equal([])
  })
})

describe('a search through the logs', () => {
  const isWholeAfter = async (...pages: readonly Partial<SearchResponse>[]): Promise<boolean> => {
    const left = [...pages]
    const page = { hits: [], searched: { room: FEED, entries: 1, fromMs: 5, toMs: 5 }, keptSinceMs: 5 }
    const api = {
      clock: { fromViewer: (atMs: number) => atMs },
      search: () => Promise.resolve({ ok: true, ...page, ...left.shift() }),
    } as unknown as Api
    const search = new Search('lobby 130', api, () => undefined)
    while (search.state !== 'done') await setImmediate()
    return search.isWhole
  }

  it('is of all that is kept unless the last page says that logs of conversations may hold more', async () => {
    const further = { searched: { room: LOBBY, entries: 1, fromMs: 1, toMs: 2 } }
    expect(await isWholeAfter({})).to.equal(true)
    expect(await isWholeAfter({ beyond: 'conversations', cursor: 'c' }, further)).to.equal(true)
    expect(await isWholeAfter({ cursor: 'c' }, { ...further, beyond: 'conversations' })).to.equal(false)
  })
})

describe('the log that a member reads', () => {
  const apiOf = (...pages: readonly (Pick<NoticesResponse, 'notices' | 'older'> & { epoch?: string })[]) => {
    const left = [...pages]
    return {
      clock: { fromViewer: (atMs: number) => atMs },
      notices: () => {
        const page = left.shift()
        return Promise.resolve({ ok: true, position: { epoch: page?.epoch ?? 'e1', offset: 500 }, ...page })
      },
    } as unknown as Pick<Api, 'notices' | 'clock'>
  }

  it('goes on behind a recall that came late, until a whole page was recalled before', async () => {
    const api = apiOf(
      { notices: [noticeOf(400, 2_000), noticeOf(401, 10)], older: true },
      { notices: [noticeOf(398, 20), noticeOf(399, 2_000)], older: true },
      { notices: [noticeOf(397, 30)], older: true },
    )
    const first = await readLog(api, LOBBY, 1_000)
    expect([first.end, first.rows.length]).to.deep.equal([undefined, 1])
    const second = await readLog(api, LOBBY, 1_000, first)
    expect([second.end, second.rows.map(({ key }) => key)]).to.deep.equal([undefined, [399, 400]])
    expect((await readLog(api, LOBBY, 1_000, second)).end).to.equal('since')
  })

  it('adds nothing of another log', async () => {
    const api = apiOf({ notices: [noticeOf(400)], older: true }, { notices: [noticeOf(7)], epoch: 'e2' })
    const first = await readLog(api, LOBBY, 0)
    const second = await readLog(api, LOBBY, 0, first)
    expect([second.end, second.rows]).to.deep.equal(['replaced', first.rows])
  })
})

describe('the messages that are looked up', () => {
  it('lead to their recall, and are marked as a test, if a log says so', () => {
    const hits = [{ row: { ...rowOf(2), notice: { ...noticeOf(2), operator: 'admin', test: true } } }]
    const lookup = {
      conversation: LOBBY,
      names: [1, 2],
      recalled: [
        { seq: 1, atMs: 1_000 },
        { seq: 2, atMs: 1_000 },
      ],
      readAtMs: 0,
    }
    const lines = recalledBy(lookup, { hits } as unknown as Search)
    const { room, epoch } = rowOf(2)
    const told = lines.map(({ first, operator, isTest, place }) => [first, operator, isTest, place])
    expect(told).to.deep.equal([
      [1, undefined, false, undefined],
      [2, 'admin', true, { room, epoch, offset: 2 }],
    ])
  })
})

describe('what a search names of a recall', () => {
  const messages = [{ seq: 130, id: 'M-1' }, { seq: 131 }, { seq: 1_300 }]
  const named = (q: string) => [...askedForAmong(q, messages)].map(({ seq }) => seq)

  it('is what it says of messages, and not what it excludes, or says of others', () => {
    for (const q of ['seq:130', 'lobby 130', 'msgid:M-1', 'key:M-1', 'm-1'])
      expect(named(q), q).to.deep.equal([130])
    expect(named('seq:131-2000')).to.deep.equal([131, 1_300])
    for (const q of ['', 'lobby', '-130', 'seq:5', 'msgid:130', 'operator:130', 'seq:'])
      expect(named(q), q).to.be.empty
  })

  it('is nothing if it is all, which would stand out from nothing', () => {
    expect(named('seq:1-2000')).to.be.empty
    expect([...askedForAmong('130', [{ seq: 130 }])]).to.be.empty
    const keys = [{ key: '1_2_3' }, { key: '9_9_9' }]
    expect([...askedForAmong('1_2_3', keys)]).to.deep.equal([keys[0]])
  })
})
