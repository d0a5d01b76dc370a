import { expect } from 'chai'
import { openQuarantine } from '../../server/receiver/quarantine-files.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const request = (reason: string) => ({ receivedAtMs: 1, query: '', body: '{}', reason })

describe('quarantine on disk', () => {
  const onCleanUp = cleanUpAfterEach()

  it('keeps recalls that were answered with OK, however many webhooks are not understood', async () => {
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    let evicted = 0
    const onEvicted = (requests: number): void => void (evicted += requests)
    const quarantine = await openQuarantine({ dataDir: folder.path, onEvicted })
    onCleanUp(quarantine.close)
    await quarantine.add(request('first'))
    await quarantine.addRecall(request('recall'))
    await Promise.all(Array.from({ length: 1_000 }, () => quarantine.add(request('junk'))))
    expect(evicted).to.equal(1)
    expect(quarantine.size()).to.equal(1_001)
    const [first, second] = quarantine.list()
    expect(first?.request.reason).to.equal('recall')
    expect(second?.id).to.equal((first?.id ?? 0) + 1)
    if (first) await quarantine.remove(first)
    expect(quarantine.list().map(({ request: { reason } }) => reason)).to.not.include('recall')
    expect(quarantine.size()).to.equal(1_000)
  })
})
