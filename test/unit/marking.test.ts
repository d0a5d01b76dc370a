import { mkdirSync } from 'node:fs'
import { expect } from 'chai'
import { pino } from 'pino'
import { openCopies } from '../../server/broker/spooling/copies.ts'
import { createMarking } from '../../server/broker/spooling/marking.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const log = pino({ level: 'silent' })

describe('the first marker of a receiver', () => {
  const onCleanUp = cleanUpAfterEach()

  /** Returns for how long the first check takes the copies of the process before for lost, in ms. */
  async function lostForMs(isKept: boolean): Promise<number> {
    const { path: dataDir, remove } = temporaryFolder()
    onCleanUp(remove)
    mkdirSync(dataDir, { recursive: true })
    const before = openCopies({ dataDir }, { log })
    const marker = before.advance()
    const recall = { group: 'g', messages: [{ seq: 1 }], recalledAtMs: 1, receivedAtMs: 1 }
    await before.add({ recall, confirmed: [] })
    await before.close()
    const copies = openCopies({ dataDir }, { log })
    onCleanUp(copies.close)
    let stored = isKept ? marker : undefined
    const marking = createMarking('name', {
      broker: {
        doubts: () => 0,
        rollbacks: () => 0,
        lacks: () => Promise.resolve(false),
        async mark(_name, value, expected) {
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
    const { recalls, ageMs } = copies.lostDepth(Date.now())
    expect(recalls).to.equal(1)
    return ageMs
  }

  it('tells nodes at once of a loss before its time, and not of what merely has to be looked at', async () => {
    expect(await lostForMs(false)).to.be.at.least(5_000)
    expect(await lostForMs(true)).to.be.below(2_000)
  })
})
