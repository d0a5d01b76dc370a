import { expect } from 'chai'
import { slotOf } from '../../server/broker/redis/connection/cluster-slot.ts'

describe('slot of a key', () => {
  // According to CLUSTER KEYSLOT of Redis 7.
  const SLOTS = { 123456789: 12739, foo: 12182, '{foo}.bar': 12182, 'a{foo}{bar}': 12182, é: 10180 }

  for (const [key, slot] of Object.entries(SLOTS)) {
    it(`is that of Redis: ${key}`, () => expect(slotOf(key)).to.equal(slot))
  }

  it('is that of the whole key when the tag is empty or not closed', () => {
    expect([slotOf('foo{}{bar}'), slotOf('foo{bar')]).to.deep.equal([8363, 15278])
  })
})
