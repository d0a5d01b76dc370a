import { expect } from 'chai'
import { pino } from 'pino'
import { createEpochReplacer } from '../../server/broker/epoch-replacer.ts'
import { RollbackDetector } from '../../server/broker/redis/rollbacks.ts'
import { GatewayError } from '../../shared/errors.ts'
import { createManualClock } from '../support/manual-clock.ts'
import { waitUntil } from '../support/wait.ts'

const at = (offset: number, epoch = 'e') => ({ epoch, offset })

describe('rollback detector', () => {
  it('detects an offset that is reached again under the same epoch', () => {
    const rollbacks = new RollbackDetector()
    expect(rollbacks.wentBack('a', at(5))).to.equal(false)
    expect(rollbacks.wentBack('a', at(6))).to.equal(false)
    expect(rollbacks.wentBack('b', at(1))).to.equal(false)
    expect(rollbacks.wentBack('a', at(6))).to.equal(true)
    expect(rollbacks.wentBack('a', at(2))).to.equal(true)
    expect(rollbacks.wentBack('a', at(1, 'another'))).to.equal(false)
    // The epoch that was replaced is there again: the replacement was lost too.
    expect(rollbacks.wentBack('a', at(3))).to.equal(true)
  })

  it('remembers the latest 5,000 rooms at least, and 10,000 at most', () => {
    const rollbacks = new RollbackDetector()
    const publish = (from: number, to: number) => {
      for (let i = from; i < to; i++) rollbacks.wentBack(`room ${i}`, at(9))
    }
    publish(0, 5_001)
    expect(rollbacks.wentBack('room 0', at(1))).to.equal(true)
    publish(5_001, 16_000)
    expect(rollbacks.wentBack('room 11500', at(1))).to.equal(true)
    expect(rollbacks.wentBack('room 1', at(1))).to.equal(false)
  })
})

describe('epoch replacer', () => {
  const rolledBack = (room: string) => ({ room: { group: room }, name: room, position: at(1) })

  it('keeps trying until the log has another epoch, each log by itself', async () => {
    const clock = createManualClock()
    const attempts: string[] = []
    let failing = ['a', 'b']
    const replacer = createEpochReplacer({
      async newEpoch(room, epoch) {
        const { group } = room as { group: string }
        attempts.push(`${group} ${epoch}`)
        if (failing.includes(group)) throw new GatewayError('BROKER_UNAVAILABLE')
      },
      log: pino({ level: 'silent' }),
      clock,
    })
    await replacer.replace(['a', 'b', 'c'].map(rolledBack))
    expect(attempts.splice(0)).to.deep.equal(['a e', 'b e', 'c e'])
    failing = ['b']
    await passTime(clock)
    expect(attempts.splice(0)).to.deep.equal(['a e', 'b e'])
    failing = []
    await passTime(clock)
    expect(attempts.splice(0)).to.deep.equal(['b e'])
    await passTime(clock)
    expect(attempts).to.deep.equal([])
    expect(clock.pending()).to.equal(0)
  })

  it('says from where on a log is another, also if that is found while the answer is awaited', async () => {
    const agreed: number[] = []
    const replies: (() => void)[] = []
    const replacer = createEpochReplacer({
      newEpoch(_room, _epoch, agreesUntil) {
        agreed.push(agreesUntil)
        return new Promise((resolve) => replies.push(resolve))
      },
      log: pino({ level: 'silent' }),
    })
    void replacer.replace([{ ...rolledBack('a'), position: at(8) }])
    void replacer.replace([{ ...rolledBack('a'), position: at(3) }])
    expect(agreed).to.deep.equal([7])
    replies[0]?.()
    await waitUntil('it asks again', () => agreed.length === 2)
    expect(agreed).to.deep.equal([7, 2])
    replacer.stop()
  })

  it('asks for each once while the answers are awaited, however many follow', async () => {
    const attempts: string[] = []
    const replies: (() => void)[] = []
    const replacer = createEpochReplacer({
      newEpoch(room) {
        attempts.push((room as { group: string }).group)
        return new Promise<void>((resolve) => replies.push(resolve))
      },
      log: pino({ level: 'silent' }),
    })
    const replacing = ['a', 'b', 'c'].map((room) => replacer.replace([rolledBack(room)]))
    expect(attempts).to.deep.equal(['a', 'b', 'c'])
    for (const reply of replies) reply()
    await Promise.all(replacing)
    expect(attempts).to.deep.equal(['a', 'b', 'c'])
  })

  const passTime = async (clock: ReturnType<typeof createManualClock>) => {
    clock.advance(10_000)
    await new Promise((resolve) => setImmediate(resolve))
  }
})
