import { expect } from 'chai'
import { RollbackDetector } from '../../server/broker/redis/publisher.ts'

const at = (offset: number, epoch = 'e') => ({ epoch, offset })

describe('the ends of logs that a publisher remembers', () => {
  it('go back when an offset comes again, or a lower one, under the same epoch', () => {
    const last = new RollbackDetector()
    expect(last.wentBack('a', at(5))).to.equal(false)
    expect(last.wentBack('a', at(6))).to.equal(false)
    expect(last.wentBack('b', at(1))).to.equal(false)
    expect(last.wentBack('a', at(6))).to.equal(true)
    expect(last.wentBack('a', at(2))).to.equal(true)
    expect(last.wentBack('a', at(1, 'another'))).to.equal(false)
  })

  it('are those of the latest 5,000 rooms at least, and of no more than 10,000', () => {
    const last = new RollbackDetector()
    const publish = (from: number, to: number) => {
      for (let i = from; i < to; i++) last.wentBack(`room ${i}`, at(9))
    }
    publish(0, 5_001)
    expect(last.wentBack('room 0', at(1))).to.equal(true)
    publish(5_001, 16_000)
    expect(last.wentBack('room 11500', at(1))).to.equal(true)
    expect(last.wentBack('room 1', at(1))).to.equal(false)
  })
})
