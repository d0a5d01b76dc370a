import { expect } from 'chai'
import { auditTruth } from '../chaos/truth/audit-truth.ts'
import type { TruthRecord } from '../chaos/truth/truth-record.ts'
import type { SentRecall } from '../chaos/recorder.ts'

const kept = (seq: number, keptAtMs: number, group = 'g'): SentRecall => ({
  seq,
  group,
  sentAtMs: keptAtMs - 1,
  status: 200,
  respondedAtMs: keptAtMs,
})
const told = (seq: number, atMs: number, isLate = false, calledAtMs = atMs) => ({
  seq,
  calledAtMs,
  atMs,
  isLate,
})
const record = (fields: Partial<TruthRecord> = {}): TruthRecord => ({
  name: 'a client',
  room: { group: 'g' },
  claims: [{ atMs: 0, kind: 'live' }],
  followed: [{ fromMs: 0 }],
  told: [],
  gaps: [],
  stalls: [],
  ...fields,
})
const live = (...changes: [number, string][]) =>
  [[0, 'live'] as const, ...changes].map(([atMs, kind]) => ({ atMs, kind }))
const NOW_MS = 60_000
const auditOne = (recalls: readonly SentRecall[], fields: Partial<TruthRecord> = {}) =>
  auditTruth(recalls, [record(fields)], NOW_MS)
const TRUE = { missed: 0, repeated: 0, longestUntrueMs: 0, lies: [] }

describe('audit of what clients say', () => {
  it('finds nothing wrong when each notice is told once, in time', () => {
    expect(auditOne([kept(1, 10), kept(2, 20)], { told: [told(1, 12), told(2, 2_900)] })).to.deep.equal(TRUE)
  })

  it('finds a client that says live while it owes a notice for more than 3 s', () => {
    const late = auditOne([kept(1, 1_000)], { told: [told(1, 9_000)] })
    expect(late).to.deep.include({ missed: 0, longestUntrueMs: 5_000 })
    expect(late.lies[0]).to.include('a client was live for 5000 ms owing 1')
  })

  it('finds nothing wrong if the client says in time that it is not live, and live again with the notice', () => {
    const claims = live([3_500, 'stale'], [9_000, 'live'])
    expect(auditOne([kept(1, 1_000)], { claims, told: [told(1, 9_000)] })).to.deep.equal(TRUE)
  })

  it('finds a client that is live again before it has told what it owes', () => {
    const claims = live([3_500, 'stale'], [7_000, 'live'])
    expect(auditOne([kept(1, 1_000)], { claims, told: [told(1, 9_000)] }).longestUntrueMs).to.equal(2_000)
  })

  it('expects nothing that was kept before the client was live, of other groups, or of an answer other than 200', () => {
    const claims = [
      { atMs: 0, kind: 'connecting' },
      { atMs: 100, kind: 'live' },
    ]
    const recalls = [kept(1, 50), kept(2, 200, 'other'), { ...kept(3, 200), status: 503 }]
    expect(auditOne(recalls, { claims })).to.deep.equal(TRUE)
    expect(auditOne([kept(2, 200, 'other')], { room: { feed: true } }).missed).to.equal(1)
  })

  it('counts what was never told as missed, and the rest of the time as untrue', () => {
    expect(auditOne([kept(1, 1_000)])).to.deep.include({ missed: 1, longestUntrueMs: NOW_MS - 4_000 })
  })

  it('counts what a gap accounts for as missed, and not as untrue from the gap on', () => {
    const recalls = [kept(1, 1_000), kept(2, 5_000)]
    expect(auditOne(recalls.slice(0, 1), { gaps: [2_000] })).to.deep.include({
      missed: 1,
      longestUntrueMs: 0,
    })
    expect(auditOne(recalls, { gaps: [2_000] }).missed).to.equal(2)
    expect(auditOne([kept(1, 1_000)], { gaps: [7_000] }).longestUntrueMs).to.equal(3_000)
  })

  it('waits for a notice that was told after the gap that could account for it', () => {
    const late = auditOne([kept(1, 1_000)], { gaps: [2_000], told: [told(1, 9_000)] })
    expect(late.longestUntrueMs).to.equal(5_000)
  })

  it('counts what was told twice, unless the first time was too late to count, or a gap lies between', () => {
    const recalls = [kept(1, 10)]
    expect(auditOne(recalls, { told: [told(1, 12), told(1, 20)] }).repeated).to.equal(1)
    expect(auditOne(recalls, { told: [told(1, 12), told(1, 20, true)] }).repeated).to.equal(1)
    expect(auditOne(recalls, { told: [told(1, 12), told(1, 20, true, 11)] }).repeated).to.equal(0)
    expect(auditOne(recalls, { told: [told(1, 12, true), told(1, 20)] })).to.deep.equal(TRUE)
    expect(auditOne(recalls, { told: [told(1, 12), told(1, 20)], gaps: [15] })).to.deep.equal(TRUE)
  })

  it('lets only a slow store repeat what it had no time to keep before its client was killed', () => {
    const [recalls, events] = [[kept(1, 10)], [told(1, 12), told(1, 40)]]
    const followed = [{ fromMs: 0, toMs: 15 }, { fromMs: 30 }]
    expect(auditOne(recalls, { told: events, followed }).repeated).to.equal(1)
    expect(auditOne(recalls, { told: events, followed, mayRepeatAfterKill: true })).to.deep.equal(TRUE)
    expect(auditOne(recalls, { told: events, mayRepeatAfterKill: true }).repeated).to.equal(1)
  })

  it('asks for nothing while the listener is away, and for everything once it is back', () => {
    const recalls = [kept(1, 10_000)]
    const followed = [{ fromMs: 0, toMs: 5_000 }, { fromMs: 20_000 }]
    expect(auditOne(recalls, { followed, told: [told(1, 20_100)] })).to.deep.equal(TRUE)
    expect(auditOne(recalls, { followed, told: [told(1, 21_000)] }).longestUntrueMs).to.equal(1_000)
    expect(auditOne(recalls, { followed: [{ fromMs: 0, toMs: 5_000 }] })).to.deep.equal(TRUE)
  })

  it('leaves a client 10 s to notice that its connection is silent, and a moment after a shorter silence', () => {
    const stalls = [{ fromMs: 900 }]
    const one = [kept(1, 1_000)]
    expect(
      auditOne(one, { stalls, claims: live([10_500, 'offline']), told: [told(1, 12_000)] }),
    ).to.deep.equal(TRUE)
    expect(auditOne(one, { stalls, told: [told(1, 12_900)] }).longestUntrueMs).to.equal(2_000)
    const short = [{ fromMs: 900, toMs: 5_000 }]
    expect(auditOne(one, { stalls: short, told: [told(1, 5_900)] })).to.deep.equal(TRUE)
    expect(auditOne(one, { stalls: short, told: [told(1, 10_000)] }).longestUntrueMs).to.equal(2_000)
    expect(auditOne([kept(1, 6_000)], { stalls: short, told: [told(1, 10_000)] }).longestUntrueMs).to.equal(
      1_000,
    )
  })
})
