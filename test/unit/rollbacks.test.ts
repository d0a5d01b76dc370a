import { expect } from 'chai'
import { RollbackDetector } from '../../server/broker/redis/rollbacks.ts'

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
