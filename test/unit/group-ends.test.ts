import { expect } from 'chai'
import type { Broker } from '../../server/broker/broker.ts'
import { keepGroupEnds, openGroupEnds } from '../../server/broker/spooling/group-ends.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitUntil } from '../support/wait.ts'

describe('ends of groups', () => {
  it('do not wait behind one that always fails', async () => {
    const ended: string[] = []
    let isAvailable = false
    const broker = {
      endGroup: async (group: string) => {
        if (!isAvailable || group === 'a-spoiled') throw new Error('refused')
        ended.push(group)
      },
      stop: async () => undefined,
    } as unknown as Broker
    const log = { warn: () => undefined } as never
    const folder = temporaryFolder()
    const ends = openGroupEnds({ dataDir: folder.path })
    const keeping = keepGroupEnds({ broker, ends, log })
    for (const group of ['a-spoiled', 'b', 'c']) await keeping.endGroup(group, 1)
    isAvailable = true
    await waitUntil('the others are ended', () => ends.some(9).length === 1)
    expect(ended).to.have.members(['b', 'c'])
    expect(ends.some(9).map(({ group }) => group)).to.deep.equal(['a-spoiled'])
    await keeping.stop()
    folder.remove()
  })
})
