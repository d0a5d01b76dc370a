import { expect } from 'chai'
import { audit } from '../chaos/audit.ts'
import { problemsOf } from '../chaos/fault.ts'
import type { ReceivedEvent, SentRecall } from '../chaos/recorder.ts'

const sent = (seq: number, sentAtMs: number, status?: number): SentRecall => ({
  seq,
  group: 'g',
  sentAtMs,
  ...(status !== undefined && { status, respondedAtMs: sentAtMs + 1 }),
})
const subscribed = (offset: number, recovered = 0, epoch = 'a', atMs = 0): ReceivedEvent => ({
  kind: 'subscribed',
  atMs,
  position: { epoch, offset },
  recovered,
})
const notice = (offset: number, seq: number, atMs: number, epoch = 'a'): ReceivedEvent => ({
  kind: 'notice',
  atMs,
  position: { epoch, offset },
  seqs: [seq],
})
const gap = (epoch: string, offset: number, atMs: number): ReceivedEvent => ({
  kind: 'gap',
  gap: 'epoch-changed',
  atMs,
  position: { epoch, offset },
})
const auditOne = (recalls: readonly SentRecall[], ...events: ReceivedEvent[]) =>
  audit(recalls, [{ room: { group: 'g' }, events }])

const CLEAN = { lost: 0, duplicated: 0, redelivered: 0, outOfOrder: 0, gaps: 0 }

describe('audit of received events', () => {
  it('finds nothing wrong when every acknowledged recall arrives once and in order', () => {
    const recalls = [sent(1, 10, 200), sent(2, 20, 200), sent(3, 30, 503)]
    expect(auditOne(recalls, subscribed(4), notice(5, 2, 25), notice(6, 1, 40))).to.deep.equal({
      ...CLEAN,
      sent: 3,
      acknowledged: 2,
      delivered: 2,
      gapReasons: [],
      longestSilenceMs: 15,
      slowestResponseMs: 1,
    })
  })

  it('counts as lost only acknowledged recalls that do not arrive', () => {
    const recalls = [sent(1, 10, 200), sent(2, 20, 503), sent(3, 30)]
    expect(auditOne(recalls, subscribed(0))).to.include({ lost: 1, acknowledged: 1, delivered: 0 })
    expect(auditOne(recalls)).to.include({ lost: 0 })
  })

  it('expects nothing of other groups for a listener of a group, and everything for one of the feed', () => {
    const recalls = [{ ...sent(1, 10, 200), group: 'other' }]
    expect(auditOne(recalls, subscribed(0))).to.include({ lost: 0 })
    expect(audit(recalls, [{ room: { feed: true }, events: [subscribed(0)] }])).to.include({ lost: 1 })
  })

  it('accepts the delivery of a recall that was not acknowledged', () => {
    expect(auditOne([sent(1, 10, 503)], subscribed(0), notice(1, 1, 20))).to.include({
      ...CLEAN,
      delivered: 1,
    })
  })

  it('counts duplicates, at the same offset or at another', () => {
    const recalls = [sent(1, 10, 200)]
    const events = [subscribed(0), notice(1, 1, 20)]
    expect(auditOne(recalls, ...events, notice(2, 1, 30))).to.include({ duplicated: 1, outOfOrder: 0 })
    expect(auditOne(recalls, ...events, notice(1, 1, 30))).to.include({ duplicated: 1, outOfOrder: 1 })
  })

  it('counts skipped offsets, offsets that go back, and a changed epoch without a gap as out of order', () => {
    const recalls = [sent(1, 10, 200), sent(2, 20, 200)]
    expect(auditOne(recalls, subscribed(0), notice(1, 1, 20), notice(3, 2, 30))).to.include({ outOfOrder: 1 })
    expect(auditOne(recalls, subscribed(5), notice(6, 1, 20), notice(5, 2, 30))).to.include({ outOfOrder: 1 })
    expect(auditOne(recalls, subscribed(0), notice(1, 1, 20, 'b'))).to.include({ outOfOrder: 1 })
  })

  it('compares the response to a resume with the position of the listener', () => {
    const events = [subscribed(0), notice(1, 1, 20)]
    expect(auditOne([], ...events, subscribed(3, 2), notice(2, 2, 30), notice(3, 3, 30))).to.include(CLEAN)
    expect(auditOne([], ...events, subscribed(3, 1))).to.include({ outOfOrder: 1 })
    expect(auditOne([], ...events, subscribed(1, 0, 'b'))).to.include({ outOfOrder: 1 })
  })

  it('takes no gap for an excuse', () => {
    const recalls = [sent(1, 10, 200), sent(2, 5_000, 200)]
    const events = [subscribed(0), gap('b', 7, 20)]
    expect(auditOne(recalls, ...events)).to.include({ lost: 2, gaps: 1 })
    expect(auditOne(recalls, ...events, notice(8, 2, 5_010, 'b'))).to.include({ lost: 1, outOfOrder: 0 })
  })

  it('counts a gap in the response to a resume as a gap', () => {
    const resumed: ReceivedEvent = {
      kind: 'subscribed',
      atMs: 30,
      position: { epoch: 'b', offset: 2 },
      recovered: 0,
      gap: 'epoch-changed',
    }
    expect(auditOne([sent(1, 10, 200)], subscribed(0), resumed)).to.include({
      ...CLEAN,
      lost: 1,
      gaps: 1,
    })
  })

  it('distinguishes a redelivery after a gap from a duplicate', () => {
    const events = [subscribed(0), notice(1, 1, 20), gap('b', 0, 30), notice(1, 1, 40, 'b')]
    expect(auditOne([sent(1, 10, 200)], ...events)).to.include({
      redelivered: 1,
      duplicated: 0,
      outOfOrder: 0,
    })
  })
})

describe('problems of a result', () => {
  const truth = { missed: 0, repeated: 0, longestUntrueMs: 0, lies: [] }
  const result = { ...auditOne([]), ...truth, fault: 'none', healed: 0, violations: [] }

  it('include losses, duplicates, wrong order and violations', () => {
    expect(problemsOf(result, { losesData: false })).to.be.empty
    const bad = { ...result, lost: 1, duplicated: 2, outOfOrder: 3, lies: ['untrue'], violations: ['late'] }
    expect(problemsOf({ ...bad, gaps: 1 }, { losesData: true })).to.deep.equal([
      '1 lost',
      '2 duplicated',
      '3 out of order',
      'untrue',
      'late',
    ])
  })

  it('include recalls that were not acknowledged, where all could be stored', () => {
    const bad = { ...result, sent: 3, acknowledged: 1 }
    expect(problemsOf(bad, { losesData: false })).to.deep.equal(['2 not acknowledged'])
    expect(problemsOf(bad, { losesData: false, mayRefuse: true })).to.be.empty
  })

  it('include gaps where Redis lost no data', () => {
    expect(problemsOf({ ...result, gaps: 1 }, { losesData: true })).to.be.empty
    expect(problemsOf({ ...result, gaps: 1 }, { losesData: false })).to.have.lengthOf(1)
  })

  it('include that there was no gap where Redis had to lose data', () => {
    expect(problemsOf(result, { losesData: true })).to.have.lengthOf(1)
  })
})
