import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'chai'
import { pino } from 'pino'
import { GatewayError } from '../../shared/errors.ts'
import { openQuarantine } from '../../server/receiver/quarantine/quarantine-files.ts'
import type { QuarantinedRequest } from '../../server/receiver/quarantine/quarantine.ts'
import type { RelayedRequest } from '../../server/receiver/relay/relayed-request.ts'
import { createRetrying } from '../../server/receiver/quarantine/retrying.ts'
import type { RetriedMatching } from '../../server/receiver/quarantine/retrying.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { quarantinedRecall } from '../support/quarantine.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const log = pino({ level: 'silent' })
const malformed = new GatewayError('WEBHOOK_MALFORMED', 'still odd')

describe('retries of the quarantine', () => {
  const onCleanUp = cleanUpAfterEach()

  const setUp = async (retryWebhook: (request: QuarantinedRequest) => Promise<void>) => {
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    const quarantine = await openQuarantine({ dataDir: folder.path })
    onCleanUp(quarantine.close)
    const relayed: RelayedRequest[] = []
    const retryRelay = async (request: RelayedRequest) => void relayed.push(request)
    const dependencies = { quarantine, retryWebhook, retryRelay, log }
    return { dataDir: folder.path, quarantine, relayed, dependencies, ...createRetrying(dependencies) }
  }

  it('remove an entry only after it was accepted: a process that ends in between retries it again', async () => {
    const { dataDir, quarantine, dependencies } = await setUp(async () => undefined)
    await quarantine.addRecall(quarantinedRecall(1))
    let reached: () => void = () => undefined
    const accepted = new Promise<void>((resolve) => (reached = resolve))
    const killed = { ...quarantine, remove: () => new Promise<void>(reached) }
    void createRetrying({ ...dependencies, quarantine: killed }).retry(1)
    await accepted
    const next = await openQuarantine({ dataDir, isOwner: false })
    onCleanUp(next.close)
    expect(next.list().map(({ id }) => id)).to.deep.equal([1])
  })

  it('are made once for all who ask at the same time', async () => {
    let times = 0
    const { quarantine, retry } = await setUp(async () => {
      times++
      await new Promise(setImmediate)
    })
    await quarantine.addRecall(quarantinedRecall(1))
    const outcomes = await Promise.all([retry(1), retry(1)])
    expect(outcomes).to.deep.equal([{ accepted: true }, { accepted: true }])
    expect(times).to.equal(1)
    const error = await retry(1).catch((reason: unknown) => reason)
    expect(error).to.include({ code: 'NOT_IN_QUARANTINE' })
  })

  it('leave what is refused with the new reason, and as it was if nobody could say', async () => {
    let failure: Error = malformed
    const { quarantine, retry } = await setUp(async () => {
      throw failure
    })
    await quarantine.add(quarantinedRecall(1, 'odd'))
    expect(await retry(1)).to.deep.equal({ accepted: false, reason: malformed.message })
    expect(quarantine.get(1)?.reason).to.equal(malformed.message)
    for (const code of ['NOT_KEPT', 'INTERNAL']) {
      failure = code === 'INTERNAL' ? new Error('a mistake') : new GatewayError('NOT_KEPT')
      expect(await retry(1).catch((reason: unknown) => reason)).to.include({ code })
    }
    expect(quarantine.get(1)?.reason).to.equal(malformed.message)
    await quarantine.addRotten(Buffer.from('x'), 'rotten')
    expect(await retry(2)).to.include({ accepted: false })
    expect(quarantine.size()).to.equal(2)
  })

  it('of all that match try each once, a hundred at a time, oldest first', async () => {
    const tried: number[] = []
    const { quarantine, retryMatching } = await setUp(async ({ receivedAtMs }) => {
      tried.push(receivedAtMs)
      if (receivedAtMs % 2 === 0) throw malformed
    })
    await Promise.all(Array.from({ length: 150 }, (_, i) => quarantine.add(quarantinedRecall(i, 'odd'))))
    await quarantine.add(quarantinedRecall(999, 'other'))
    let [accepted, refused, calls] = [0, 0, 0]
    for (let afterId: number | undefined = 0; afterId !== undefined; calls++) {
      // Their new reason matches as well.
      const retried: RetriedMatching = await retryMatching({ reason: 'odd' }, afterId)
      const tries = retried.accepted + retried.refused
      expect(tries).to.be.within(1, 100)
      expect(retried.doneUntil).to.equal(tried.length === 150 ? undefined : tried.length)
      accepted += retried.accepted
      refused += retried.refused
      afterId = retried.doneUntil
    }
    // A slow disk may make it more.
    expect(calls).to.be.at.least(2)
    expect({ accepted, refused }).to.deep.equal({ accepted: 75, refused: 75 })
    expect(tried).to.deep.equal(tried.toSorted((one, other) => one - other))
    expect(new Set(tried).size).to.equal(150)
  })

  it('end early if they take long, and say where to go on', async () => {
    const { quarantine, retryMatching } = await setUp(() => delay(600))
    for (let seq = 0; seq < 2; seq++) await quarantine.addRecall(quarantinedRecall(seq))
    expect(await retryMatching({}, 0)).to.deep.equal({ accepted: 1, refused: 0, doneUntil: 1 })
    expect(await retryMatching({}, 1)).to.deep.equal({ accepted: 1, refused: 0 })
  })

  it('end early if the broker is unavailable, and say so if nothing was tried', async () => {
    let left = 3
    const { quarantine, retryMatching } = await setUp(async () => {
      if (left-- <= 0) throw new GatewayError('NOT_KEPT')
    })
    for (let seq = 0; seq < 5; seq++) await quarantine.addRecall(quarantinedRecall(seq))
    // A slow disk may make it more than one call.
    let [accepted, until] = [0, 0]
    while (accepted < 3) {
      const some = await retryMatching({}, until)
      expect(some.accepted).to.be.above(0)
      expect(some.refused).to.equal(0)
      accepted += some.accepted
      until = some.doneUntil ?? until
    }
    expect([accepted, until]).to.deep.equal([3, 3])
    const error = await retryMatching({}, 3).catch((reason: unknown) => reason)
    expect(error).to.include({ code: 'NOT_KEPT' })
    expect(quarantine.size()).to.equal(2)
  })

  it('put what the relay gave up back into its queue, the same but for Sign', async () => {
    const { quarantine, relayed, retry } = await setUp(async () => undefined)
    const request = {
      id: 'one',
      command: 'C',
      lane: 'group g',
      method: 'PUT',
      pathSuffix: '/a%2fb',
      query: 'CallbackCommand=C&x=%20',
      contentType: undefined,
      forwarded: { Forwarded: 'for=1' },
      body: Buffer.from([0, 0xff]),
      receivedAtMs: 5,
    }
    await quarantine.addRelay({ ...request, query: `Sign=a&${request.query}` }, 'gave up')
    expect(await retry(1)).to.deep.equal({ accepted: true })
    expect(relayed).to.deep.equal([request])
    expect(quarantine.size()).to.equal(0)
  })
})
