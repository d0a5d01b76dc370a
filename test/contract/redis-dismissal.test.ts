import { expect } from 'chai'
import type { Recall } from '../../shared/recall.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { KEYS, startRedisBroker } from '../support/redis-broker.ts'

const RECALL: Recall = {
  group: 'g',
  topic: 't',
  messages: [{ seq: 1 }],
  recalledAtMs: 1_000,
  receivedAtMs: 2_000,
}
const PLACE = { name: 'f', from: 'w', to: 'w' }

describe('Redis in which a group was dismissed', () => {
  const onCleanUp = cleanUpAfterEach()

  const setUp = async () => {
    const { redis: admin, broker } = await startRedisBroker(onCleanUp)
    await broker.publish(RECALL, 2_000)
    return { admin, broker }
  }

  it('lacks nothing of a topic that has ended, also while its group has not', async () => {
    const { admin, broker } = await setUp()
    await broker.endGroup('g', 1_500)
    // The group ends last.
    await admin.zrem(KEYS.recalled({ group: 'g' }), 'ended')
    expect(await broker.lacks(RECALL)).to.equal(false)
    expect(await broker.lacks({ ...RECALL, recalledAtMs: 1_501 }), 'of later').to.equal(true)
  })

  it('has lost nothing if what was confirmed last has ended since', async () => {
    const { broker } = await setUp()
    await broker.endGroup('g', 1_500)
    expect(await broker.mark(PLACE, 1, undefined, RECALL)).to.deep.equal({
      before: undefined,
      isStored: true,
    })
    const later = { ...RECALL, recalledAtMs: 1_501 }
    expect(await broker.mark(PLACE, 2, 1, later)).to.deep.equal({ before: 1, isStored: false })
  })
})
