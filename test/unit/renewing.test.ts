import { expect } from 'chai'
import { pino } from 'pino'
import { isPosition } from '../../shared/position.ts'
import { roomName } from '../../shared/room.ts'
import { epochAfter, isSince } from '../../server/broker/epoch-names.ts'
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
    renewing.decide('0123abc')
    published(8)
    await new Promise((resolve) => setImmediate(resolve))
    // Another receiver may have published what is at 6, and 7.
    expect(replaced).to.deep.equal([[{ group: 'g' }, 'e', 0, '0123abc']])
  })

  it('gives no other one to a room that has got one since the power cut, whichever process and receiver gave it', async () => {
    const replaced: string[] = []
    const published = (of: ReturnType<typeof createRenewing>, room: string, epoch: string) =>
      of.published({
        duplicate: false,
        positions: [{ room: { group: room }, position: { epoch, offset: 1 } }],
      })
    const next = createRenewing({
      newEpoch: async (room) => void replaced.push(roomName(room)),
      log: pino({ level: 'silent' }),
    })
    const own = epochAfter('e', '0123abc')
    const ofBoth = epochAfter(own, 'fedcba9')
    // For another reason.
    const later = epochAfter(ofBoth)
    published(next, 'first', own)
    next.decide('0123abc')
    published(next, 'second', ofBoth)
    published(next, 'third', later)
    published(next, 'another', epochAfter('e', 'fedcba9'))
    await new Promise((resolve) => setImmediate(resolve))
    expect(replaced).to.deep.equal([roomName({ group: 'another' })])
    expect(new Set([own, ofBoth, later]).size).to.equal(3)
    const many = ['1111111', '2222222', '3333333', '4444444'].reduce(epochAfter, 'e')
    expect(isPosition({ epoch: many, offset: 0 })).to.equal(true)
    expect(isSince(many, '4444444')).to.equal(true)
  })
})
