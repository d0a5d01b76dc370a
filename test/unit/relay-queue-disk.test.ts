import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { systemDisk } from '../../server/lib/disk.ts'
import type { Disk } from '../../server/lib/disk.ts'
import { openJournal } from '../../server/lib/journal/journal.ts'
import type { Damage } from '../../server/lib/journal/journal.ts'
import { scanRecords } from '../../server/lib/journal/records.ts'
import { decodeEntry, encodeEntry } from '../../server/receiver/relay/queue-entry.ts'
import { asGatewayError } from '../../shared/errors.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { openObservedQueue, relayedRequest } from '../support/relay-queue.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitUntil } from '../support/wait.ts'

const REQUESTS = 20

describe('the disk of the relay queue', () => {
  const onCleanUp = cleanUpAfterEach()

  function createFolder(): string {
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    return folder.path
  }

  function open(...args: Parameters<typeof openObservedQueue>) {
    const observed = openObservedQueue(...args)
    onCleanUp(observed.queue.stop)
    return observed
  }

  /** Fills a queue, and returns its only file of entries. */
  async function fill(dataDir: string): Promise<string> {
    const { queue } = openObservedQueue({ dataDir })
    for (let i = 0; i < REQUESTS; i++) await queue.add(relayedRequest(`g${i % 4}`, String(i)), 'untried')
    await queue.stop()
    const folder = join(dataDir, 'relay')
    return join(folder, readdirSync(folder).find((name) => name.endsWith('.journal')) ?? '')
  }

  it('takes all that is at a backend when that hangs, and as much again that came meanwhile', async () => {
    const { queue } = open({ dataDir: createFolder() })
    const body = Buffer.alloc(200 * 1024, 'x')
    const adding = Array.from({ length: 300 }, (_, i) =>
      queue.add(relayedRequest(`g${i % 50}`, '', { body }), 'failed'),
    )
    await Promise.all(adding)
    expect(queue.depth().requests).to.equal(300)
  })

  it('keeps a request byte for byte, whatever its bytes', () => {
    const bodies = [
      Buffer.alloc(0),
      Buffer.from('\n\n{}\n'),
      Buffer.from(Array.from({ length: 256 }, (_, i) => i)),
      ...Array.from({ length: 50 }, (_, i) => randomBytes(i * 37)),
    ]
    for (const body of bodies) {
      const request = relayedRequest('g "1"\n\u{1f600}', 'x', {
        body,
        pathSuffix: '/a%2F\n',
        query: 'a=%zz&b=\x1e',
      })
      const payload = encodeEntry({ request, order: 7, queuedAtMs: 8 })
      expect(decodeEntry(payload)).to.deep.equal({ request, order: 7, queuedAtMs: 8 })
      // Otherwise a body could pass for records of the journal.
      expect(payload.includes(0x1e)).to.equal(false)
    }
    const plain = relayedRequest('g1', 'x', { contentType: undefined })
    expect(decodeEntry(encodeEntry({ request: plain, order: 1, queuedAtMs: 1 }))?.request).to.deep.equal(
      plain,
    )
  })

  it('may return anything: nothing of it is taken for a request', () => {
    const payload = encodeEntry({ request: relayedRequest('g1', 'x'), order: 1, queuedAtMs: 1 })
    const head = JSON.parse(payload.toString().split('\n')[0] ?? '') as Record<string, unknown>
    const texts = [
      '',
      '\n',
      'null\n',
      '[]\n',
      '{}\n',
      '{"id":1}\nbody',
      payload.toString().slice(0, 40),
      ...Object.keys(head).flatMap((name) =>
        [null, [], {}, -0.5, { a: 1 }].map((value) => `${JSON.stringify({ ...head, [name]: value })}\nbody`),
      ),
    ]
    for (const text of texts) {
      const decoded = decodeEntry(Buffer.from(text))
      if (decoded === undefined) continue
      // What passes is of the right shape.
      expect(decoded.request.lane).to.be.a('string')
      expect(Number.isSafeInteger(decoded.order)).to.equal(true)
      for (const value of Object.values(decoded.request.forwarded)) expect(value).to.be.a('string')
    }
  })

  it('may have bits flipped: the requests that are lost are reported, and all others delivered', async () => {
    const dataDir = createFolder()
    const file = await fill(dataDir)
    const content = readFileSync(file)
    const records = scanRecords(content).records.slice(1)
    for (const record of [records[3], records[11]])
      if (record) content[record.end - 5] = (content[record.end - 5] ?? 0) ^ 4
    writeFileSync(file, content)
    const damages: Damage[] = []
    const observed = open({ dataDir, onDamage: (damage) => damages.push(damage) })
    observed.queue.start()
    await waitUntil('the others are delivered', () => observed.queue.depth().requests === 0)
    expect(damages.map(({ kind }) => kind)).to.deep.equal(['entry', 'entry'])
    expect(observed.tried).to.have.length(REQUESTS - 2)
  })

  it('may rot while requests wait: those go to the quarantine as they were read', async () => {
    const dataDir = createFolder()
    const file = await fill(dataDir)
    const observed = open({ dataDir })
    const content = readFileSync(file)
    const record = scanRecords(content).records[4]
    if (record) content[record.end - 5] = (content[record.end - 5] ?? 0) ^ 4
    writeFileSync(file, content)
    observed.queue.start()
    await waitUntil('the others are delivered', () => observed.queue.depth().requests === 0)
    expect(observed.tried).to.have.length(REQUESTS - 1)
    expect(observed.rotten.map(({ reason }) => reason)).to.deep.equal(["rotten on disk in the relay's queue"])
    expect(observed.ended.filter((how) => how === 'rotten')).to.have.length(1)
  })

  it('may hold what this version cannot read: that goes to the quarantine, and stops no start', async () => {
    const dataDir = createFolder()
    await fill(dataDir)
    const journal = openJournal({ folder: join(dataDir, 'relay') })
    await journal.append(Buffer.from('{"format":"of another version"}\nbody'))
    await journal.append(randomBytes(100))
    await journal.close()
    const observed = open({ dataDir })
    observed.queue.start()
    await waitUntil('the others are delivered', () => observed.queue.depth().requests === 0)
    expect(observed.tried).to.have.length(REQUESTS)
    expect(observed.rotten).to.have.length(2)
  })

  /** A disk that fails while `state.isFailing`. */
  function failingDisk() {
    const state = { isFailing: false }
    const fail = (): never => {
      throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
    }
    const disk: Disk = {
      ...systemDisk,
      async create(name) {
        if (state.isFailing) fail()
        const file = await systemDisk.create(name)
        return { ...file, write: (content, at) => (state.isFailing ? fail() : file.write(content, at)) }
      },
      read: (...args) => (state.isFailing && args[1] !== undefined ? fail() : systemDisk.read(...args)),
    }
    return { disk, state }
  }

  it('may be full: it refuses, with the reason, and takes requests again once there is room', async () => {
    const { disk, state } = failingDisk()
    const observed = open({ dataDir: createFolder(), disk })
    const { queue, tried } = observed
    await queue.add(relayedRequest('g1', 'a'), 'untried')
    state.isFailing = true
    const refusal = await queue.add(relayedRequest('g1', 'b'), 'untried').catch(asGatewayError)
    expect(refusal?.code).to.equal('NOT_KEPT')
    expect(refusal?.message).to.contain("cannot write to the relay's queue")
    state.isFailing = false
    await queue.add(relayedRequest('g1', 'c'), 'untried')
    queue.start()
    await waitUntil('they are delivered', () => queue.depth().requests === 0)
    expect(tried.map(({ name }) => name)).to.deep.equal(['a', 'c'])
  })

  it('may fail while it delivers: it goes on once the disk is back, and repeats nothing', async () => {
    const { disk, state } = failingDisk()
    const observed = open({ dataDir: createFolder(), disk })
    const { queue, tried, logged } = observed
    for (let i = 0; i < REQUESTS; i++) await queue.add(relayedRequest(`g${i % 4}`, String(i)), 'untried')
    state.isFailing = true
    queue.start()
    await waitUntil('it is noticed', () => logged.includes("cannot read the relay's queue"))
    state.isFailing = false
    await waitUntil('they are delivered', () => queue.depth().requests === 0)
    expect(tried).to.have.length(REQUESTS)
  })

  it('may not take what is delivered: everything is delivered once all the same, and repeated after a restart', async () => {
    const { disk, state } = failingDisk()
    const dataDir = createFolder()
    const observed = openObservedQueue({ dataDir, disk: { ...disk, read: systemDisk.read } })
    const { queue, tried } = observed
    for (let i = 0; i < REQUESTS; i++) await queue.add(relayedRequest(`g${i % 4}`, String(i)), 'untried')
    state.isFailing = true
    queue.start()
    await waitUntil('they are delivered', () => queue.depth().requests === 0)
    expect(tried).to.have.length(REQUESTS)
    await queue.stop().catch(() => undefined)
    const after = open({ dataDir })
    after.queue.start()
    await waitUntil('they are repeated', () => after.queue.depth().requests === 0)
    expect(after.tried.every(({ attempt }) => attempt > 1)).to.equal(true)
  })
})
