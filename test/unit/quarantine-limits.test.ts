import { expect } from 'chai'
import { openQuarantine } from '../../server/receiver/quarantine/quarantine-files.ts'
import type { QuarantineStore } from '../../server/receiver/quarantine/quarantine-files.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const request = (reason: string, bytes = 2) => ({
  receivedAtMs: 1,
  query: 'CallbackCommand=C&SdkAppid=1',
  body: 'x'.repeat(bytes),
  reason,
})
const relay = { id: 'i', command: 'Before', lane: 'g', forwarded: { 'X-Forwarded-For': '::1' } }
const relayed = (body = Buffer.from('body')) => ({
  ...relay,
  method: 'POST',
  pathSuffix: '/more',
  query: 'a=%20&Sign=abc&sIgn=def&Sig%6e=f&b&CallbackCommand=Before',
  contentType: 'text/x-odd',
  body,
  receivedAtMs: 7,
})
const reasons = (quarantine: QuarantineStore): string[] =>
  quarantine.list().map((entry) => entry.request.reason)

describe('quarantine with limits', () => {
  const onCleanUp = cleanUpAfterEach()
  let dataDir: string
  let evicted: number
  beforeEach(() => {
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    dataDir = folder.path
    evicted = 0
  })
  const open = async (maxBytes = 8_000) => {
    const onEvicted = (entries: number): void => void (evicted += entries)
    const quarantine = await openQuarantine({ dataDir, maxBytes, onEvicted })
    onCleanUp(quarantine.close)
    return quarantine
  }

  it('evicts the oldest of a kind beyond its share of the bytes, and none of another', async () => {
    const quarantine = await open()
    await quarantine.addRecall(request('recall', 1_500))
    for (let i = 1; i <= 4; i++) await quarantine.add(request(`webhook ${i}`, 300))
    expect(reasons(quarantine)).to.deep.equal(['recall', 'webhook 3', 'webhook 4'])
    expect(evicted).to.equal(2)
    expect(quarantine.bytes()).to.be.within(2_100, 3_000)
    // One that alone is beyond it is kept until the next one comes.
    await quarantine.add(request('large', 5_000))
    expect(reasons(quarantine)).to.deep.equal(['recall', 'large'])
    await quarantine.close()
    const again = await open()
    expect(reasons(again)).to.deep.equal(['recall', 'large'])
    expect(again.bytes()).to.equal(quarantine.bytes())
  })

  it('keeps 10,000 requests that the relay gave up, whole but for Sign', async () => {
    const quarantine = await open(2 ** 30)
    const body = Buffer.from([0xff, 0, 0x7b])
    await quarantine.addRelay(relayed(body), 'gave up')
    const [entry] = quarantine.list()
    expect(entry?.kind).to.equal('relay')
    const [indexed] = quarantine.matching({ command: 'Before' })
    expect(indexed).to.include({ id: entry?.id, bytes: 3, receivedAtMs: 7 })
    expect(entry?.request).to.deep.equal({
      receivedAtMs: 7,
      method: 'POST',
      path: '/more',
      query: 'a=%20&b&CallbackCommand=Before',
      contentType: 'text/x-odd',
      bodyBase64: body.toString('base64'),
      relay,
      reason: 'gave up',
    })
    await Promise.all(Array.from({ length: 10_000 }, () => quarantine.addRelay(relayed(), 'more')))
    expect(evicted).to.equal(1)
    expect(quarantine.size()).to.equal(10_000)
    expect(quarantine.matching({ reason: 'gave' })).to.be.empty
  })

  it('drops what is too old, also what came before the last start, and nothing else', async () => {
    const before = await open()
    await before.add(request('old'))
    await before.addRelay(relayed(), 'old too')
    const atMs = Date.now() + 1
    while (Date.now() <= atMs) await new Promise(setImmediate)
    await before.add(request('new'))
    await before.close()
    const quarantine = await open()
    expect(await quarantine.expire(atMs)).to.equal(2)
    expect(reasons(quarantine)).to.deep.equal(['new'])
    await quarantine.close()
    expect(reasons(await open())).to.deep.equal(['new'])
  })

  it('gives an entry another reason without another id or age, also if the process ends in the middle', async () => {
    const quarantine = await open()
    for (const reason of ['one', 'two', 'three']) await quarantine.add(request(reason))
    const [, second] = quarantine.matching({})
    await quarantine.setReason(2, 'x'.repeat(2_000))
    const { quarantinedAtMs } = second ?? {}
    expect(quarantine.get(2)).to.include({ quarantinedAtMs, reason: 'x'.repeat(1_000) })
    expect(quarantine.list().map(({ id }) => id)).to.deep.equal([1, 2, 3])
    // Not awaited: the new one may be on disk, and the one before not removed.
    const changing = quarantine.setReason(2, 'changed')
    const reader = await openQuarantine({ dataDir, isOwner: false })
    onCleanUp(reader.close)
    expect(reader.list().map(({ id }) => id)).to.deep.equal([1, 2, 3])
    await changing
    await quarantine.close()
    const again = await open()
    expect(reasons(again)).to.deep.equal(['one', 'changed', 'three'])
    await again.setReason(9, 'of nothing')
    expect(again.size()).to.equal(3)
  })

  it('does not bring back an entry that is removed while it gets another reason', async () => {
    const quarantine = await open()
    await quarantine.add(request('one'))
    await Promise.all([quarantine.setReason(1, 'two'), quarantine.remove([1])])
    expect(quarantine.list()).to.be.empty
    await quarantine.close()
    expect((await open()).list()).to.be.empty
  })
})
