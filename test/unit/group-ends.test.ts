import { expect } from 'chai'
import { pino } from 'pino'
import { keepGroupEnds, openGroupEnds } from '../../server/broker/spooling/group-ends.ts'
import { GatewayError } from '../../shared/errors.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { createScriptedBroker } from '../support/scripted-broker.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitUntil } from '../support/wait.ts'

describe('ends of groups on disk', () => {
  const onCleanUp = cleanUpAfterEach()

  it('pass those that the broker refuses', async () => {
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    const ends = openGroupEnds({ dataDir: folder.path })
    const ended: string[] = []
    let isAvailable = false
    const broker = keepGroupEnds({
      broker: {
        ...createScriptedBroker(async () => undefined).broker,
        async endGroup(group) {
          if (!isAvailable || group.startsWith('refused')) throw new GatewayError('BROKER_UNAVAILABLE')
          ended.push(group)
        },
      },
      ends,
      log: pino({ level: 'silent' }),
    })
    onCleanUp(broker.stop)
    // In the order of the disk, behind more than one round of them.
    const refused = Array.from({ length: 12 }, (_, i) => `refused ${i}`)
    for (const group of [...refused, 'sound']) await broker.endGroup(group, 1)
    isAvailable = true
    await waitUntil('the other one is ended', () => ends.some(20).length === refused.length)
    expect(ended).to.deep.equal(['sound'])
  })

  it('are not tried before the broker has been reached', async () => {
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    const ends = openGroupEnds({ dataDir: folder.path })
    await ends.add('g', 1)
    let isReached = false
    const tries: boolean[] = []
    const { broker: scripted } = createScriptedBroker(async () => undefined)
    const broker = keepGroupEnds({
      broker: {
        ...scripted,
        async start() {
          await Promise.resolve()
          isReached = true
        },
        async endGroup() {
          tries.push(isReached)
        },
      },
      ends,
      log: pino({ level: 'silent' }),
    })
    onCleanUp(broker.stop)
    await broker.start()
    await waitUntil('the end is confirmed', () => ends.some(1).length === 0)
    expect(tries).to.deep.equal([true])
  })
})
