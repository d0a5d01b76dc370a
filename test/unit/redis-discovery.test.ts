import { expect } from 'chai'
import { ownerOfSlot, toMasterAddress, nodesOf } from '../../server/broker/redis/connection/discovery.ts'

const ASKED = { host: 'asked', port: 1 }
const SLOTS = [
  [0, 99, ['a', 7001, 'id-a', []], ['b', 7002, 'id-b', []]],
  [100, 100, ['', 7003, 'id-c', []]],
  [101, 16_383, [null, 7004, 'id-d', []]],
]

describe('where Redis is', () => {
  it('is what the sentinel says of the master', () => {
    expect(toMasterAddress(['10.0.0.1', '6379'])).to.deep.equal({ host: '10.0.0.1', port: 6379 })
  })

  it('is unknown to a sentinel that watches another one', () => {
    expect(() => toMasterAddress(null)).to.throw('no master of that name')
  })

  it('is the first node of the range that the slot is in', () => {
    expect(ownerOfSlot(SLOTS, 0, ASKED)).to.deep.equal({ host: 'a', port: 7001 })
    expect(ownerOfSlot(SLOTS, 99, ASKED)).to.deep.equal({ host: 'a', port: 7001 })
  })

  it('is where the question went for a node without a name', () => {
    expect(ownerOfSlot(SLOTS, 100, ASKED)).to.deep.equal({ host: 'asked', port: 7003 })
    expect(ownerOfSlot(SLOTS, 16_383, ASKED)).to.deep.equal({ host: 'asked', port: 7004 })
  })

  it('is nowhere while nobody owns the slot', () => {
    expect(() => ownerOfSlot(SLOTS.slice(0, 1), 100, ASKED)).to.throw('owns the slot 100')
  })

  it('can be asked of every node, replicas too', () => {
    expect(nodesOf(SLOTS, ASKED).map(({ port }) => port)).to.deep.equal([7001, 7002, 7003, 7004])
  })

  it('is not guessed from an answer of another shape', () => {
    for (const reply of ['OK', [['x']], [[0, 9, ['h', 'port']]], [[0, 9, ['h', 0]]]])
      expect(() => ownerOfSlot(reply, 5, ASKED)).to.throw()
  })
})
