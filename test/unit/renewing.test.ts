import { expect } from 'chai'
import { pino } from 'pino'
import { createRenewing } from '../../server/broker/spooling/renewing.ts'

describe('renewing', () => {
  it('gives a room another epoch with its first recall, and takes nothing in it for what it was', async () => {
    const replaced: unknown[][] = []
    const renewing = createRenewing({
      newEpoch: async (...call) => void replaced.push(call),
      log: pino({ level: 'silent' }),
    })
    const published = (offset: number) =>
      renewing.published({
        duplicate: false,
        positions: [{ room: { group: 'g' }, position: { epoch: 'e', offset } }],
      })
    published(7)
    renewing.decide(true)
    published(8)
    await new Promise((resolve) => setImmediate(resolve))
    // Another receiver may have published what is at 6, and 7.
    expect(replaced).to.deep.equal([[{ group: 'g' }, 'e', 0]])
  })
})
