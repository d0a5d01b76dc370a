import { mkdirSync } from 'node:fs'
import { expect } from 'chai'
import { pino } from 'pino'
import type { Recall } from '../../shared/recall.ts'
import type { EndedGroup } from '../../server/broker/recoverable-broker.ts'
import { openCopies } from '../../server/broker/spooling/copies.ts'
import type { Copies } from '../../server/broker/spooling/copies.ts'
import { createMarking } from '../../server/broker/spooling/marking.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const log = pino({ level: 'silent' })
const RECALL: Recall = { group: 'g', messages: [{ seq: 1 }], recalledAtMs: 1, receivedAtMs: 1 }

describe('the first marker of a receiver', () => {
  const onCleanUp = cleanUpAfterEach()

  /** Returns for how long the first check takes the copies of the process before for lost, in ms. */
  async function lostForMs(isKept: boolean): Promise<number> {
    const { path: dataDir, remove } = temporaryFolder()
    onCleanUp(remove)
    mkdirSync(dataDir, { recursive: true })
    const before = openCopies({ dataDir }, { log })
    const marker = before.advance()
    await before.add({ recall: RECALL, confirmed: [] })
    await before.close()
    const copies = openCopies({ dataDir }, { log })
    onCleanUp(copies.close)
    let stored = isKept ? marker : undefined
    const marking = createMarking('name', {
      broker: {
        doubts: () => 0,
        rollbacks: () => 0,
        lacks: () => Promise.resolve(false),
        async mark(_place, value, expected) {
          const found = stored
          if (found === expected) stored = value
          return await Promise.resolve({ before: found, isStored: found === expected })
        },
      },
      copies,
      onLost: () => undefined,
      log,
    })
    await marking.check()
    const { recalls, ageMs } = copies.lostDepth()
    expect(recalls).to.equal(1)
    return ageMs
  }

  it('tells nodes at once of a loss before its time, and not of what merely has to be looked at', async () => {
    expect(await lostForMs(false)).to.be.at.least(5_000)
    expect(await lostForMs(true)).to.be.below(5_000)
  })
})

describe('marking', () => {
  const start = () => {
    const state = {
      doubts: 0,
      isThere: true,
      isWritable: true,
      losses: 0,
      witnesses: [] as (Recall | EndedGroup | undefined)[],
    }
    let stored: number | undefined
    let marker = 0
    const copies = {
      advance: () => ++marker,
      writer: { name: 'w', before: '', note: () => undefined },
      isNoted: () => true,
      hasLostEarlier: () => false,
      lose: async () => 1,
      lost: () => [{}],
      dropOld: () => undefined,
    } as unknown as Copies
    const marking = createMarking('m', {
      broker: {
        doubts: () => state.doubts,
        rollbacks: () => 0,
        lacks: async () => false,
        async mark(_place, value, expected, latest) {
          state.witnesses.push(latest)
          const before = stored
          const isStored = before === expected && (latest === undefined || state.isThere)
          if (isStored && !state.isWritable) throw new Error('NOREPLICAS')
          if (isStored) stored = value
          return { before, isStored }
        },
      },
      copies,
      onLost: () => state.losses++,
      log,
    })
    return { state, marking }
  }

  it('goes on to look for what was confirmed last after another connection, unless it is lost', async () => {
    const { state, marking } = start()
    await marking.check()
    marking.stored(RECALL)
    state.doubts++
    await marking.check()
    expect(state.losses).to.equal(2)
    await marking.check()
    expect(state.losses).to.equal(2)
    expect(state.witnesses.at(-1)).to.equal(RECALL)

    state.doubts++
    state.isThere = false
    await marking.check()
    expect(state.losses, 'at once').to.equal(3)
    await marking.check()
    expect(state.losses, 'once').to.equal(3)
    expect(state.witnesses.at(-1)).to.equal(undefined)
  })

  it('tells of a loss also if the marker could not be replaced then', async () => {
    const { state, marking } = start()
    await marking.check()
    marking.stored(RECALL)
    await marking.check()
    expect(state.losses).to.equal(1)

    state.isThere = false
    state.isWritable = false
    expect(await marking.check().catch(() => 'rejected')).to.equal('rejected')
    expect(await marking.check().catch(() => 'rejected')).to.equal('rejected')
    state.isWritable = true
    await marking.check()
    expect(state.losses).to.equal(2)
    await marking.check()
    expect(state.losses, 'once').to.equal(2)
  })
})
