import { expect } from 'chai'
import { ownerOfSlot, toMasterAddress, nodesOf } from '../../server/broker/redis/connection/discovery.ts'

const SEED = { host: 'seed', port: 1 }
const SLOTS = [
  [0, 99, ['a', 7001, 'id-a', []], ['b', 7002, 'id-b', []]],
  [100, 100, ['', 7003, 'id-c', []]],
  [101, 16_383, [null, 7004, 'id-d', []]],
]

describe('discovery', () => {
  it('takes the address of the master from the sentinel', () => {
    expect(toMasterAddress(['10.0.0.1', '6379'])).to.deep.equal({ host: '10.0.0.1', port: 6379 })
  })

  it('fails when the sentinel does not know the master', () => {
    expect(() => toMasterAddress(null)).to.throw('no master with this name')
  })

  it('takes the first node of the range that contains the slot', () => {
    expect(ownerOfSlot(SLOTS, 0, SEED)).to.deep.equal({ host: 'a', port: 7001 })
    expect(ownerOfSlot(SLOTS, 99, SEED)).to.deep.equal({ host: 'a', port: 7001 })
  })

  it('takes the node that replied for one without a host name', () => {
    expect(ownerOfSlot(SLOTS, 100, SEED)).to.deep.equal({ host: 'seed', port: 7003 })
    expect(ownerOfSlot(SLOTS, 16_383, SEED)).to.deep.equal({ host: 'seed', port: 7004 })
  })

  it('fails while no node owns the slot', () => {
    expect(() => ownerOfSlot(SLOTS.slice(0, 1), 100, SEED)).to.throw('owns slot 100')
  })

  it('can query every node, including replicas', () => {
    expect(nodesOf(SLOTS, SEED).map(({ port }) => port)).to.deep.equal([7001, 7002, 7003, 7004])
  })

  it('fails on a reply of another shape', () => {
    for (const reply of ['OK', [['x']], [[0, 9, ['h', 'port']]], [[0, 9, ['h', 0]]]])
      expect(() => ownerOfSlot(reply, 5, SEED)).to.throw()
  })
})
