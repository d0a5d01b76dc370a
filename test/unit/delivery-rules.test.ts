import { expect } from 'chai'
import { Receivers } from '../../server/realtime/delivery/receivers.ts'
import { nextDelivery, PROVED } from '../../server/realtime/delivery/rules.ts'
import type { NodeDelivery } from '../../server/realtime/delivery/rules.ts'
import { Lag } from '../../server/realtime/rooms/lag.ts'

const cause = (sinceMs: number, reason = 'r') => ({ sinceMs, reason })

describe('rules of delivery', () => {
  it('put it in doubt once something has spoken against it for 2 s, and say since when', () => {
    const at = (nowMs: number) =>
      nextDelivery(PROVED, { nowMs, provedAtMs: 0, causes: [cause(900, 'a'), cause(500, 'b')] })
    expect(at(2_500)).to.equal(PROVED)
    expect(at(2_501)).to.deep.equal({ proved: false, sinceMs: 500, reason: 'b' })
  })

  it('prove it only with a probe that was sent when nothing spoke against it any more', () => {
    let state: NodeDelivery = { proved: false, sinceMs: 500, reason: 'a' }
    const next = (nowMs: number, provedAtMs: number, causes = [] as ReturnType<typeof cause>[]) =>
      (state = nextDelivery(state, { nowMs, provedAtMs, causes }))
    expect(next(3_000, 2_900)).to.include({ proved: false, clearSinceMs: 3_000 })
    expect(next(3_200, 2_999)).to.include({ proved: false })
    // Spoken against once more: a probe from before that proves nothing.
    expect(next(3_400, 3_100, [cause(400, 'c')])).to.deep.equal({ proved: false, sinceMs: 400, reason: 'c' })
    expect(next(3_600, 3_500)).to.include({ proved: false, clearSinceMs: 3_600 })
    expect(next(3_800, 3_600)).to.equal(PROVED)
  })
})

describe('memory of receivers', () => {
  interface Said {
    readonly id?: string
    readonly dataFolder?: string
    readonly stopping?: true
    readonly ready?: boolean
    readonly recalls?: number
    readonly spoolAgeMs?: number
    readonly ageMs?: number
    readonly sentMs?: number
  }
  const heartbeat = ({ id = 'p', recalls = 0, spoolAgeMs = 0, ageMs = 0, ...more }: Said) => ({
    id,
    ageMs,
    text: JSON.stringify({
      role: 'receiver',
      ready: true,
      spool: { recalls, bytes: 0, ageMs: spoolAgeMs },
      ...more,
    }),
  })
  const reasons = (receivers: Receivers, nowMs: number): string[] =>
    receivers
      .causes(nowMs)
      .map(({ reason }) => /may be|not known|cannot be read|waiting/.exec(reason)?.[0] ?? '')
  const folder = { dataFolder: 'f' }

  it('knows since when recalls are waiting', () => {
    const receivers = new Receivers(10_000)
    receivers.read([heartbeat({ ...folder, recalls: 2, spoolAgeMs: 700, ageMs: 300 })], 10_000)
    expect(receivers.causes(10_100)).to.deep.include({
      sinceMs: 9_000,
      reason: 'recalls are waiting on the disk of a receiver',
    })
    receivers.read([heartbeat(folder)], 11_000)
    expect(receivers.causes(11_100)).to.deep.equal([])
  })

  it('waits for one that vanished until its folder has surely reported again, or for some minutes', () => {
    const receivers = new Receivers(10_000)
    receivers.read([heartbeat(folder)], 10_000)
    receivers.read([heartbeat({ ...folder, ageMs: 3_000 })], 13_000)
    expect(reasons(receivers, 13_000)).to.deep.equal(['may be'])
    // Perhaps sent long ago, and carried out only now.
    receivers.read([heartbeat({ ...folder, id: 'q' })], 14_000)
    expect(reasons(receivers, 14_000)).to.deep.equal(['may be'])
    receivers.read([heartbeat({ ...folder, id: 'q' })], 15_000)
    expect(reasons(receivers, 15_000)).to.deep.equal([])
    receivers.read([], 130_000)
    expect(reasons(receivers, 130_000)).to.deep.equal(['may be'])
    receivers.read([], 136_000)
    expect(reasons(receivers, 136_000)).to.deep.equal([])
    for (const trouble of [{ recalls: 1 }, { ready: false }]) {
      const later = new Receivers(800_000)
      later.read([heartbeat({ ...folder, ...trouble, ageMs: 599_000 })], 800_000)
      expect(reasons(later, 800_000)).to.have.lengthOf(1)
      expect(reasons(later, 802_000)).to.deep.equal([])
    }
  })

  it('takes a heartbeat that comes late for no sign of life', () => {
    const receivers = new Receivers(10_000)
    receivers.read([heartbeat(folder)], 10_000)
    // Redis was frozen, and the receiver killed meanwhile.
    receivers.read([heartbeat(folder)], 12_000)
    expect(reasons(receivers, 12_000)).to.deep.equal(['not known'])
    receivers.read([heartbeat({ ...folder, ageMs: 850 })], 12_850)
    expect(reasons(receivers, 12_850)).to.deep.equal(['may be'])
    receivers.read([heartbeat(folder)], 13_000)
    expect(reasons(receivers, 13_000)).to.deep.equal([])
  })

  it('takes those of the first version, which come every 2 s, for no late ones', () => {
    const receivers = new Receivers(10_000)
    for (const nowMs of [10_000, 12_000, 14_000]) receivers.read([heartbeat({})], nowMs)
    expect(reasons(receivers, 14_000)).to.deep.equal([])
    receivers.read([heartbeat({})], 16_550)
    expect(reasons(receivers, 16_550)).to.deep.equal(['not known'])
  })

  it('counts from when a heartbeat was sent, however late it was carried out', () => {
    const receivers = new Receivers(10_000)
    // Sent at 9,900 and 10,900 by the clock of this node.
    receivers.read([heartbeat({ ...folder, sentMs: 100, ageMs: 50 })], 10_000)
    receivers.read([heartbeat({ ...folder, sentMs: 1_100, ageMs: 100 })], 11_000)
    // Redis was frozen for a while, in which it was sent the next one, at 11,900, and the receiver was killed.
    receivers.read([heartbeat({ ...folder, sentMs: 2_100 })], 12_800)
    expect(reasons(receivers, 12_800)).to.deep.equal([])
    receivers.read([heartbeat({ ...folder, sentMs: 2_100, ageMs: 1_600 })], 14_400)
    expect(reasons(receivers, 14_400)).to.deep.equal([])
    receivers.read([heartbeat({ ...folder, sentMs: 2_100, ageMs: 1_900 })], 14_700)
    expect(receivers.causes(14_700)).to.deep.include.members([
      { sinceMs: 11_900, reason: 'a receiver is gone or cut off, and recalls may be waiting on its disk' },
    ])
  })

  it('takes no heartbeat for late because this node has not read those before', () => {
    const receivers = new Receivers(10_000)
    receivers.read([heartbeat({ ...folder, sentMs: 100 })], 10_000)
    // Four were written while the node stood still.
    receivers.read([heartbeat({ ...folder, sentMs: 4_300, ageMs: 100 })], 14_300)
    expect(reasons(receivers, 14_300)).to.deep.equal([])
  })

  it('does not know how late the first of a process comes when nothing could be read before', () => {
    const receivers = new Receivers(10_000)
    receivers.read([], 10_000)
    // Redis was frozen, in which it was sent at some time, and the receiver was killed.
    receivers.read([heartbeat({ ...folder, sentMs: 1_000 })], 12_000)
    expect(reasons(receivers, 12_000)).to.deep.equal([])
    receivers.read([heartbeat({ ...folder, sentMs: 1_000, ageMs: 700 })], 12_700)
    expect(reasons(receivers, 12_700)).to.deep.equal(['may be'])
    // Unless it lives.
    receivers.read([heartbeat({ ...folder, sentMs: 2_000 })], 13_000)
    expect(reasons(receivers, 13_000)).to.deep.equal([])
  })

  it('takes a heartbeat for no later than it is because the answer came late', () => {
    const receivers = new Receivers(9_000)
    receivers.read([heartbeat({ ...folder, sentMs: 0 })], 9_000)
    // Redis was asked at 9,990, and answered at 10,900, when it was 900 ms old.
    receivers.read([heartbeat({ ...folder, sentMs: 1_000, ageMs: 900 })], 9_990, 10_900)
    receivers.read([heartbeat({ ...folder, sentMs: 2_000, ageMs: 1_800 })], 12_800)
    expect(reasons(receivers, 12_800)).to.deep.equal([])
  })

  it('knows no better when a heartbeat was sent because it is read again and again', () => {
    const receivers = new Receivers(10_000)
    receivers.read([heartbeat({ ...folder, sentMs: 0 })], 10_000)
    receivers.read([heartbeat({ ...folder, sentMs: 1_000 })], 11_800)
    for (let ageMs = 0; ageMs <= 1_500; ageMs += 250)
      receivers.read([heartbeat({ ...folder, sentMs: 1_000, ageMs })], 11_800 + ageMs)
    receivers.read([heartbeat({ ...folder, sentMs: 1_000, ageMs: 1_900 })], 13_700)
    expect(reasons(receivers, 13_700)).to.deep.equal(['may be'])
  })

  it('counts how old a recall is from when that was said, not from when it was written down', () => {
    const receivers = new Receivers(10_000)
    receivers.read([heartbeat({ ...folder, sentMs: 0 })], 10_000)
    receivers.read([heartbeat({ ...folder, sentMs: 1_000, recalls: 1, spoolAgeMs: 200 })], 11_800)
    expect(receivers.causes(11_800)[0]?.sinceMs).to.equal(10_800)
  })

  it('doubts no longer than for some minutes because of one that is long gone, whatever is interrupted meanwhile', () => {
    const receivers = new Receivers(10_000)
    for (const said of [folder, { id: 'of the first version' }]) receivers.read([heartbeat(said)], 10_000)
    receivers.read([], 300_000)
    receivers.interrupted(300_000)
    receivers.read([], 311_000)
    expect(reasons(receivers, 311_000)).to.deep.equal([])
  })

  it('gives those time to report that were silent for as long as nothing could be heard', () => {
    for (const [outageMs, said] of [
      [125_000, folder],
      [610_000, folder],
      [610_000, { ...folder, ready: false }],
      [5_000, { id: 'of the first version' }],
    ] as const) {
      const receivers = new Receivers(10_000)
      receivers.read([heartbeat(said)], 10_000)
      const backAtMs = 10_000 + outageMs
      receivers.read([], backAtMs)
      receivers.interrupted(backAtMs + 500)
      receivers.read([], backAtMs + 5_000)
      expect(reasons(receivers, backAtMs + 5_000), `${outageMs} ms`).to.have.lengthOf(1)
      for (const sinceMs of [11_000, 700_000]) receivers.read([], backAtMs + sinceMs)
      expect(reasons(receivers, backAtMs + 700_000)).to.deep.equal([])
    }
  })

  it('takes one that has ended for no copy of its successor when the clock of the server is set back', () => {
    const receivers = new Receivers(10_000)
    const ended = { ...folder, id: 'p', sentMs: 500 }
    receivers.read([heartbeat({ ...ended, ageMs: 500 })], 10_000)
    for (const sentMs of [0, 1_000, 2_000]) {
      const nowMs = 13_000 + sentMs
      receivers.read(
        [heartbeat({ ...ended, ageMs: nowMs - 9_500 }), heartbeat({ ...folder, id: 'q', sentMs })],
        nowMs,
      )
    }
    // By that clock, the heartbeat of the one that has ended grows younger.
    for (const [nowMs, ageMs] of [
      [20_000, 500],
      [21_000, 0],
      [22_000, 500],
    ] as const)
      receivers.read(
        [heartbeat({ ...ended, ageMs }), heartbeat({ ...folder, id: 'q', sentMs: nowMs - 13_000 })],
        nowMs,
      )
    expect(reasons(receivers, 22_000)).to.deep.equal([])
    receivers.read(
      [heartbeat({ ...ended, ageMs: 4_000 }), heartbeat({ ...folder, id: 'q', sentMs: 13_000 })],
      26_000,
    )
    expect(reasons(receivers, 26_000)).to.deep.equal([])
  })

  it('takes a process for a copy of another one when it has reported twice beside it', () => {
    for (const [copiesMs, expected] of [
      // On its way for long, and its process has ended meanwhile.
      [[13_000], []],
      [[13_000, 14_000], ['may be']],
    ] as const) {
      const receivers = new Receivers(10_000)
      for (let nowMs = 10_000; nowMs <= 18_000; nowMs += 1_000) {
        const latestMs = copiesMs.findLast((ms) => ms <= nowMs)
        const copy = latestMs !== undefined && {
          ...folder,
          id: 'p',
          sentMs: latestMs + 500,
          ageMs: nowMs - latestMs,
        }
        const owner = { ...folder, id: 'q', sentMs: nowMs - 10_000 }
        receivers.read([owner, ...(copy ? [copy] : [])].map(heartbeat), nowMs)
      }
      expect(reasons(receivers, 18_000), `${copiesMs.length}`).to.deep.equal(expected)
    }
  })

  it('takes no clock of a process for one that is older than its memory', () => {
    const receivers = new Receivers(10_000)
    for (const sentMs of [9e15, 0, 5])
      receivers.read([heartbeat({ ...folder, sentMs, recalls: 1, spoolAgeMs: 9e15 })], 10_000)
    const [{ sinceMs } = { sinceMs: NaN }] = receivers.causes(10_000)
    expect(new Date(Date.now() - (10_000 - sinceMs)).getTime()).to.be.above(0)
  })

  it('gets over a clock of the server that was set', () => {
    const receivers = new Receivers(10_000)
    let nowMs = 10_000
    const next = (ageMs = 0) => receivers.read([heartbeat({ ...folder, sentMs: nowMs, ageMs })], nowMs)
    const isDoubtedAfter = (ageMs: number): boolean => {
      receivers.read([heartbeat({ ...folder, sentMs: nowMs, ageMs })], nowMs + ageMs)
      return reasons(receivers, nowMs + ageMs).length > 0
    }
    next()
    nowMs += 1_000
    next(900)
    expect(isDoubtedAfter(1_800)).to.equal(true)
    for (let i = 0; i < 3; i++) {
      nowMs += 1_000
      next()
    }
    expect(isDoubtedAfter(1_800)).to.equal(false)
  })

  it('tells processes apart that run on copies of one folder at the same time', () => {
    for (const ids of ['pq', 'qp']) {
      const receivers = new Receivers(10_000)
      const read = (nowMs: number, said: Said) => {
        const both = [{ ...said, id: 'p', ageMs: 900 }, { id: 'q' }].map((one) =>
          heartbeat({ ...folder, ...one }),
        )
        receivers.read(ids === 'pq' ? both : both.reverse(), nowMs)
      }
      for (const nowMs of [10_000, 11_000, 12_000]) read(nowMs, {})
      expect(reasons(receivers, 12_000)).to.deep.equal([])
      read(13_000, { recalls: 1, spoolAgeMs: 100 })
      expect(reasons(receivers, 13_000)).to.deep.equal(['waiting'])
      read(14_000, {})
      expect(reasons(receivers, 14_000)).to.deep.equal([])
      for (const nowMs of [15_000, 16_000, 17_000]) receivers.read([heartbeat({ ...folder, id: 'q' })], nowMs)
      expect(reasons(receivers, 17_000)).to.deep.equal(['may be'])
      // Another one begins on one of the two, which cannot be told from the other: it stands for both.
      for (const nowMs of [18_000, 19_000])
        receivers.read([heartbeat({ ...folder, id: 'r' }), heartbeat({ ...folder, id: 'q' })], nowMs)
      expect(reasons(receivers, 19_000)).to.deep.equal([])
    }
  })

  it('takes one that was stopped and started for new', () => {
    const receivers = new Receivers(10_000)
    receivers.read([heartbeat({ ...folder, stopping: true })], 10_000)
    receivers.read([heartbeat({ ...folder, id: 'q' })], 15_000)
    expect(reasons(receivers, 15_000)).to.deep.equal([])
  })

  it('does not wait for one that said goodbye with an empty disk, or never says it', () => {
    const receivers = new Receivers(10_000)
    const said = [heartbeat({ ...folder, stopping: true }), heartbeat({ id: 'earlier version' })]
    receivers.read(said, 10_000)
    receivers.read([], 20_000)
    expect(reasons(receivers, 20_000)).to.deep.equal([])
    receivers.read([heartbeat({ dataFolder: 'g', stopping: true, recalls: 1, ageMs: 9_000 })], 21_000)
    expect(reasons(receivers, 21_000)).to.deep.equal(['waiting'])
  })

  it('takes no receiver for gone because nothing can be read, and proves nothing either', () => {
    const receivers = new Receivers(9_000)
    expect(receivers.causes(11_600)).to.deep.equal([])
    expect(receivers.causes(11_601)).to.deep.equal([
      { sinceMs: 9_000, reason: 'what receivers report of their disks cannot be read' },
    ])
    receivers.read([heartbeat(folder)], 12_000)
    expect(reasons(receivers, 14_600)).to.deep.equal([])
    expect(reasons(receivers, 100_000)).to.deep.equal(['cannot be read'])
    receivers.read([heartbeat(folder)], 101_000)
    expect(reasons(receivers, 101_000)).to.not.include('cannot be read')
  })

  it('proves nothing by what is read while the broker accepts no heartbeats', () => {
    const receivers = new Receivers(9_000)
    receivers.heartbeatSent(true, 9_000)
    receivers.read([heartbeat(folder)], 9_100)
    receivers.heartbeatSent(false, 10_000)
    receivers.read([heartbeat({ ...folder, ageMs: 1_500 })], 11_000)
    expect(reasons(receivers, 11_700)).to.deep.equal([])
    expect(reasons(receivers, 11_701)).to.include('cannot be read')
    receivers.heartbeatSent(true, 12_000)
    receivers.read([heartbeat(folder)], 12_100)
    expect(reasons(receivers, 12_100)).to.not.include('cannot be read')
  })

  it('misses a receiver as soon as ever while the broker accepts no heartbeats', () => {
    const receivers = new Receivers(9_000)
    receivers.heartbeatSent(true, 9_000)
    receivers.read([heartbeat({ ...folder, ageMs: 900 })], 9_950)
    receivers.heartbeatSent(false, 10_000)
    receivers.read([heartbeat({ ...folder, ageMs: 2_650 })], 11_700)
    expect(reasons(receivers, 11_700)).to.deep.equal(['may be'])
  })

  it('proves nothing from the start if the broker has accepted no heartbeat yet, and refuses the first', () => {
    const receivers = new Receivers(9_000)
    receivers.read([], 9_000)
    receivers.heartbeatSent(false, 9_050)
    expect(reasons(receivers, 9_050)).to.deep.equal(['cannot be read'])
    receivers.heartbeatSent(true, 10_000)
    receivers.read([], 10_000)
    expect(reasons(receivers, 10_000)).to.deep.equal([])
  })

  it('lets all of them report anew after an interruption of the node', () => {
    const receivers = new Receivers(10_000)
    receivers.read([heartbeat(folder), heartbeat({ id: 'q' })], 10_000)
    receivers.interrupted(10_100)
    receivers.read([heartbeat({ ...folder, ageMs: 100 }), heartbeat({ id: 'q', ageMs: 600 })], 10_900)
    expect(reasons(receivers, 10_900)).to.deep.equal(['not known'])
    receivers.read([heartbeat({ id: 'q' })], 11_000)
    expect(reasons(receivers, 11_000)).to.deep.equal([])
  })

  it('reads what it cannot understand as nothing', () => {
    const receivers = new Receivers(10_000)
    for (const text of ['', '{', 'null', '[]', '{"spool":1}', '{"spool":{"recalls":"1","ageMs":1}}'])
      receivers.read([{ id: 'p', ageMs: 0, text }], 10_000)
    receivers.read([], 20_000)
    expect(receivers.causes(20_000)).to.deep.equal([])
  })

  it('takes no recall for older than a client can say', () => {
    const receivers = new Receivers(10_000)
    receivers.read([{ id: 'p', ageMs: 0, text: '{"spool":{"recalls":1,"ageMs":1e999}}' }], 10_000)
    const [{ sinceMs } = { sinceMs: NaN }] = receivers.causes(10_000)
    expect(new Date(Date.now() - (10_000 - sinceMs)).getTime()).to.be.above(0)
  })

  it('wants to look again before it doubts', () => {
    const receivers = new Receivers(10_000)
    receivers.read([heartbeat(folder)], 10_000)
    expect([11_000, 12_000, 20_000].map((nowMs) => receivers.isUncertain(nowMs))).to.deep.equal([
      false,
      true,
      false,
    ])
  })

  it('wants to look again soon after an interruption, until each receiver has reported anew', () => {
    const receivers = new Receivers(10_000)
    receivers.read([heartbeat(folder)], 10_000)
    receivers.interrupted(10_100)
    expect([10_300, 10_500, 11_400, 12_500].map((nowMs) => receivers.isUncertain(nowMs))).to.deep.equal([
      false,
      true,
      true,
      true,
    ])
    receivers.read([heartbeat(folder)], 10_900)
    expect([10_950, 11_400].map((nowMs) => receivers.isUncertain(nowMs))).to.deep.equal([false, false])
    // One that does not is not waited for in haste for long.
    receivers.interrupted(20_000)
    expect(receivers.isUncertain(22_400)).to.equal(false)
  })
})

describe('lag of rooms', () => {
  const [one, two] = [{ name: 'one' }, { name: 'two' }]

  it('is the concern of the node after an interruption, from the latest proof on, until the log was read', () => {
    const lag = new Lag(() => 1)
    lag.interrupted(one)
    lag.reading(one)
    expect(lag.ofNodeSinceMs()).to.equal(1)
    expect(lag.alone(0)).to.be.empty
    lag.caughtUp(one)
    expect(lag.ofNodeSinceMs()).to.equal(1)
    lag.restored(one)
    expect(lag.ofNodeSinceMs()).to.equal(1)
    lag.caughtUp(one)
    expect(lag.ofNodeSinceMs()).to.equal(undefined)
  })

  it('is the concern of its listeners if the room has fallen behind by itself', () => {
    const lag = new Lag(() => 1)
    lag.reading(one)
    expect(lag.ofNodeSinceMs()).to.equal(undefined)
    expect([...lag.alone(0).keys()]).to.deep.equal([one])
    expect(lag.alone(60_000)).to.be.empty
    lag.interrupted(one)
    expect(lag.ofNodeSinceMs()).to.equal(1)
  })

  it('is the concern of its listeners if the room cannot read when others can', () => {
    const lag = new Lag(() => 1)
    for (const room of [one, two]) lag.interrupted(room)
    for (let i = 0; i < 5; i++) for (const room of [one, two]) lag.failed(room)
    expect(lag.ofNodeSinceMs()).to.equal(1)
    lag.forget(two)
    expect(lag.ofNodeSinceMs()).to.equal(1)
    lag.interrupted(two)
    for (let i = 0; i < 2; i++) lag.failed(one)
    for (const room of [one, two]) lag.restored(room)
    lag.caughtUp(two)
    expect(lag.ofNodeSinceMs()).to.equal(undefined)
    expect([...lag.alone(0)]).to.deep.equal([[one, 1]])
    lag.interrupted(one)
    expect(lag.ofNodeSinceMs()).to.equal(1)
  })
})
