import { expect } from 'chai'
import { audit } from '../chaos/audit.ts'
import type { Heard, SentRecall } from '../chaos/recorder.ts'
import { problemsOf } from '../chaos/fault.ts'

const sent = (seq: number, sentAtMs: number, status?: number): SentRecall => ({
  seq,
  group: 'g',
  sentAtMs,
  ...(status !== undefined && { status, answeredAtMs: sentAtMs + 1 }),
})
const entered = (offset: number, recovered = 0, epoch = 'a', atMs = 0): Heard => ({
  kind: 'subscribed',
  atMs,
  position: { epoch, offset },
  recovered,
})
const notice = (offset: number, seq: number, atMs: number, epoch = 'a'): Heard => ({
  kind: 'notice',
  atMs,
  position: { epoch, offset },
  seqs: [seq],
})
const gap = (epoch: string, offset: number, atMs: number): Heard => ({
  kind: 'gap',
  gap: 'epoch-changed',
  atMs,
  position: { epoch, offset },
})
const auditOne = (recalls: readonly SentRecall[], ...heard: Heard[]) =>
  audit(recalls, [{ room: { group: 'g' }, heard }])

const CLEAN = { lost: 0, excused: 0, duplicated: 0, redelivered: 0, outOfOrder: 0, gaps: 0 }

describe('audit of what listeners heard', () => {
  it('finds nothing wrong when everything kept came once and in order', () => {
    const recalls = [sent(1, 10, 200), sent(2, 20, 200), sent(3, 30, 503)]
    expect(auditOne(recalls, entered(4), notice(5, 2, 25), notice(6, 1, 40))).to.deep.equal({
      ...CLEAN,
      sent: 3,
      kept: 2,
      delivered: 2,
      gapReasons: [],
      longestSilenceMs: 15,
      slowestAnswerMs: 1,
    })
  })

  it('counts what was kept and did not come, and only that', () => {
    const recalls = [sent(1, 10, 200), sent(2, 20, 503), sent(3, 30)]
    expect(auditOne(recalls, entered(0))).to.include({ lost: 1, kept: 1, delivered: 0 })
    expect(auditOne(recalls)).to.include({ lost: 0 })
  })

  it('owes a listener nothing of other groups, and one of the feed everything', () => {
    const recalls = [{ ...sent(1, 10, 200), group: 'other' }]
    expect(auditOne(recalls, entered(0))).to.include({ lost: 0 })
    expect(audit(recalls, [{ room: { feed: true }, heard: [entered(0)] }])).to.include({ lost: 1 })
  })

  it('takes a recall that was not kept all the same when it comes', () => {
    expect(auditOne([sent(1, 10, 503)], entered(0), notice(1, 1, 20))).to.include({ ...CLEAN, delivered: 1 })
  })

  it('counts what comes twice, at the same offset or at another', () => {
    const recalls = [sent(1, 10, 200)]
    const heard = [entered(0), notice(1, 1, 20)]
    expect(auditOne(recalls, ...heard, notice(2, 1, 30))).to.include({ duplicated: 1, outOfOrder: 0 })
    expect(auditOne(recalls, ...heard, notice(1, 1, 30))).to.include({ duplicated: 1, outOfOrder: 1 })
  })

  it('counts holes, steps back, and another epoch without a gap', () => {
    const recalls = [sent(1, 10, 200), sent(2, 20, 200)]
    expect(auditOne(recalls, entered(0), notice(1, 1, 20), notice(3, 2, 30))).to.include({ outOfOrder: 1 })
    expect(auditOne(recalls, entered(5), notice(6, 1, 20), notice(5, 2, 30))).to.include({ outOfOrder: 1 })
    expect(auditOne(recalls, entered(0), notice(1, 1, 20, 'b'))).to.include({ outOfOrder: 1 })
  })

  it('holds the answer of a resume against where the listener stood', () => {
    const heard = [entered(0), notice(1, 1, 20)]
    expect(auditOne([], ...heard, entered(3, 2), notice(2, 2, 30), notice(3, 3, 30))).to.include(CLEAN)
    expect(auditOne([], ...heard, entered(3, 1))).to.include({ outOfOrder: 1 })
    expect(auditOne([], ...heard, entered(1, 0, 'b'))).to.include({ outOfOrder: 1 })
  })

  it('excuses with a gap what was sent before it, not what was sent later', () => {
    const recalls = [sent(1, 10, 200), sent(2, 5_000, 200)]
    const heard = [entered(0), gap('b', 7, 20)]
    expect(auditOne(recalls, ...heard)).to.include({ excused: 1, lost: 1, gaps: 1 })
    expect(auditOne(recalls, ...heard, notice(8, 2, 5_010, 'b'))).to.include({ lost: 0, outOfOrder: 0 })
  })

  it('does not excuse what should have come long before the last notice before the gap', () => {
    const recalls = [sent(1, 10, 200), sent(2, 5_000, 200)]
    const told = auditOne(recalls, entered(0), notice(1, 2, 5_010), gap('b', 0, 5_100))
    expect(told).to.include({ lost: 1, excused: 0 })
  })

  it('takes a gap in the answer to a resume for a gap', () => {
    const again: Heard = {
      kind: 'subscribed',
      atMs: 30,
      position: { epoch: 'b', offset: 2 },
      recovered: 0,
      gap: 'epoch-changed',
    }
    expect(auditOne([sent(1, 10, 200)], entered(0), again)).to.include({ ...CLEAN, excused: 1, gaps: 1 })
  })

  it('tells what comes again after a gap from a duplicate', () => {
    const heard = [entered(0), notice(1, 1, 20), gap('b', 0, 30), notice(1, 1, 40, 'b')]
    expect(auditOne([sent(1, 10, 200)], ...heard)).to.include({
      redelivered: 1,
      duplicated: 0,
      outOfOrder: 0,
    })
  })
})

describe('problems of a row', () => {
  const row = { ...auditOne([]), fault: 'none', healed: 0, complaints: [] }

  it('are losses, duplicates, disorder and complaints', () => {
    expect(problemsOf(row, { losesData: false })).to.be.empty
    const bad = { ...row, lost: 1, duplicated: 2, outOfOrder: 3, complaints: ['late'] }
    expect(problemsOf(bad, { losesData: true })).to.deep.equal([
      '1 lost',
      '2 duplicated',
      '3 outOfOrder',
      'late',
    ])
  })

  it('are recalls that were not kept, where all could be', () => {
    const bad = { ...row, sent: 3, kept: 1 }
    expect(problemsOf(bad, { losesData: false })).to.deep.equal(['2 not kept'])
    expect(problemsOf(bad, { losesData: false, mayRefuse: true })).to.be.empty
  })

  it('are gaps where nothing was lost', () => {
    expect(problemsOf({ ...row, gaps: 1 }, { losesData: true })).to.be.empty
    expect(problemsOf({ ...row, gaps: 1 }, { losesData: false })).to.have.lengthOf(1)
  })
})
