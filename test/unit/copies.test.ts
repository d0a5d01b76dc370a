import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'chai'
import { pino } from 'pino'
import type { Recall } from '../../shared/recall.ts'
import type { RecoverableBroker } from '../../server/broker/recoverable-broker.ts'
import { openCopies } from '../../server/broker/spooling/copies.ts'
import type { Copies } from '../../server/broker/spooling/copies.ts'
import type { Batch } from '../../server/broker/spooling/copy-batches.ts'
import { keepCopies } from '../../server/broker/spooling/keep-copies.ts'
import { systemDisk } from '../../server/lib/disk.ts'
import type { Disk } from '../../server/lib/disk.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitUntil } from '../support/wait.ts'
import { seqsOf } from '../support/seqs.ts'

const log = pino({ level: 'silent' })
const recallOf = (seq: number, group = 'g'): Recall => ({
  group,
  messages: [{ seq }],
  recalledAtMs: seq,
  receivedAtMs: seq,
})
const allSeqsOf = (copies: Copies): number[] =>
  copies
    .lost()
    .flatMap((batch) => copies.read(batch))
    .flatMap(({ copy }) => ('recall' in copy ? seqsOf(copy.recall.messages) : []))

/** As if the broker had just confirmed all of them again. */
const restore = (copies: Copies, batch: Batch): void => {
  for (const { copy, index } of copies.read(batch)) copies.replace(batch, index, copy)
  copies.restored(batch)
}

const filesIn = (dataDir: string): string[] =>
  readdirSync(join(dataDir, 'copies'))
    .toSorted()
    .map((name) => join(dataDir, 'copies', name))

/** A disk whose open files do this instead of a flush, or before a write. */
const diskThat = ({
  write = () => undefined,
  sync,
}: {
  readonly write?: () => unknown
  readonly sync?: () => Promise<void>
}): Disk => ({
  ...systemDisk,
  async create(name) {
    const file = await systemDisk.create(name)
    return {
      ...file,
      async write(content, offset) {
        await write()
        await file.write(content, offset)
      },
      ...(sync && { sync }),
    }
  },
})

describe('copies of what the broker confirmed', () => {
  const onCleanUp = cleanUpAfterEach()
  const folder = (): string => {
    const { path, remove } = temporaryFolder()
    onCleanUp(remove)
    mkdirSync(path, { recursive: true })
    return path
  }
  const open = (options: Partial<Parameters<typeof openCopies>[0]> = {}): Copies => {
    const copies = openCopies({ dataDir: folder(), ...options }, { log })
    // One whose disk never returns cannot be closed.
    if (options.disk === undefined) onCleanUp(copies.close)
    return copies
  }
  const add = (copies: Copies, ...seqs: number[]): void => {
    for (const seq of seqs) void copies.add({ recall: recallOf(seq), confirmed: [] })
  }

  it('may be lost from the surviving marker on, also for the next process, until they are stored again', async () => {
    const dataDir = folder()
    const first = open({ dataDir })
    add(first, 1)
    const marker = first.advance()
    add(first, 2, 3)
    first.advance()
    add(first, 4)
    await first.lose(marker, 0)
    expect(allSeqsOf(first)).to.deep.equal([2, 3, 4])
    // Noted on disk by now: its next marker would hide the loss.
    await first.close()
    const next = open({ dataDir })
    expect(next.advance()).to.be.above(marker)
    expect(allSeqsOf(next)).to.deep.equal([2, 3, 4])
    const [batch] = next.lost()
    const survivor = next.advance()
    if (batch) restore(next, batch)
    expect(allSeqsOf(next)).to.deep.equal([4])
    await next.close()
    // What was just stored again is as new.
    const last = open({ dataDir })
    expect(allSeqsOf(last)).to.deep.equal([4])
    await last.lose(survivor, 0)
    expect(allSeqsOf(last)).to.deep.equal([4, 2, 3])
    await last.lose(undefined, 0)
    expect(allSeqsOf(last)).to.deep.equal([1, 4, 2, 3])
  })

  it('may be lost if the next process was confirmed them before it sent a marker, although an earlier one survived', async () => {
    const dataDir = folder()
    const first = open({ dataDir })
    add(first, 1)
    first.advance()
    // Nothing on disk is as new as this one.
    const survivor = first.advance()
    await first.close()
    const next = open({ dataDir })
    add(next, 2)
    const marker = next.advance()
    await next.lose(survivor, 0)
    expect(marker).to.be.above(survivor)
    expect(allSeqsOf(next)).to.deep.equal([2])
  })

  it('may be lost if the clock was set back between the process before, whose marker survived, and the next', async () => {
    const dataDir = folder()
    const first = open({ dataDir })
    add(first, 1)
    const survivor = first.advance()
    await first.close()
    const { now } = Date
    onCleanUp(() => void (Date.now = now))
    Date.now = () => now() - 3_600_000
    const next = open({ dataDir })
    add(next, 2)
    next.advance()
    await next.lose(survivor, 0)
    expect(allSeqsOf(next)).to.include(2)
  })

  it('are bounded in bytes and in age, but are not too old while they are lost', async () => {
    const copies = open({ maxBytes: 250, maxAgeMs: 0 })
    for (let seq = 1; seq <= 9; seq++) {
      copies.advance()
      add(copies, seq)
    }
    expect(copies.size().bytes).to.be.at.most(250)
    await copies.lose(undefined, 0)
    expect(allSeqsOf(copies).at(-1)).to.equal(9)
    const { recalls } = copies.size()
    await waitUntil('they are too old', () => {
      copies.dropOld()
      return copies.size().recalls === recalls
    })
    for (const batch of copies.lost()) restore(copies, batch)
    await waitUntil('they are dropped', () => {
      copies.dropOld()
      return copies.size().recalls === 0
    })
    expect(copies.size()).to.deep.equal({ recalls: 0, bytes: 0, unwritten: 0 })
  })

  it('make no room for the larger copies of what is stored again while others are still lost', async () => {
    const maxBytes = 2_000
    const copies = open({ maxBytes })
    for (let seq = 1; seq <= 99; seq++) {
      copies.advance()
      add(copies, seq)
    }
    await copies.lose(undefined, 0)
    const lost = copies.lost()
    const positions = [{ epoch: 'e', offset: 1 }]
    for (const batch of lost) {
      expect(copies.lost()).to.include(batch)
      for (const { copy, index } of copies.read(batch))
        if ('recall' in copy) copies.replace(batch, index, { ...copy, confirmed: [positions] })
      copies.restored(batch)
    }
    await copies.flushed()
    add(copies, 100)
    expect(copies.size().bytes).to.be.at.most(maxBytes)
  })

  it('grow old by a clock that nobody sets', async () => {
    const dataDir = folder()
    const { now } = Date
    onCleanUp(() => void (Date.now = now))
    const copies = open({ dataDir })
    add(copies, 1)
    Date.now = () => now() + 66 * 60_000
    copies.advance()
    add(copies, 2)
    copies.dropOld()
    expect(copies.size().recalls).to.equal(2)
    await copies.close()
    // Nor does it matter what the clock was when a process began.
    const next = open({ dataDir })
    Date.now = now
    add(next, 3)
    next.dropOld()
    expect(next.size().recalls).to.equal(3)
  })

  it('are all on disk before those who wait for them go on, without a flush', async () => {
    const dataDir = folder()
    const disk = diskThat({ sync: () => new Promise(() => undefined) })
    // A busy machine takes longer than a disk that is slow.
    const copies = open({ dataDir, disk, maxWaitMs: 60_000 })
    for (let seq = 1; seq <= 3; seq++) {
      await Promise.all(
        [seq, 10 + seq].map((one) => Promise.resolve(copies.add({ recall: recallOf(one), confirmed: [] }))),
      )
      // As the next process finds them if this one is killed now.
      const found = openCopies({ dataDir, disk: { ...systemDisk, remove: () => undefined } }, { log })
      expect(found.size().recalls).to.equal(2 * seq)
    }
    expect(copies.size().unwritten).to.equal(6)
  })

  it('count as taken by a disk that was quick enough, although the process was busy', async () => {
    const dataDir = folder()
    const copies = open({ dataDir })
    await copies.add({ recall: recallOf(1), confirmed: [] })
    const size = (): number => statSync(filesIn(dataDir).at(-1) ?? '').size
    const sizeBefore = size()
    const added = copies.add({ recall: recallOf(2), confirmed: [] })
    // The write is handed over now, and done before the process looks.
    await Promise.resolve().then(() => undefined)
    const beganMs = performance.now()
    const elapsedMs = (): number => performance.now() - beganMs
    while (elapsedMs() < 300 || (size() === sizeBefore && elapsedMs() < 10_000));
    await added
    expect(copies.add({ recall: recallOf(3), confirmed: [] })).to.be.a('promise')
  })

  it('stay in memory while the disk fails, without that anybody waits for it, and are written afterwards', async () => {
    const dataDir = folder()
    let failure: Promise<never> | undefined = new Promise(() => undefined)
    const copies = open({ dataDir, maxBytes: 1_000, disk: diskThat({ write: () => failure }) })
    // Once, for as long as a disk may take.
    await copies.add({ recall: recallOf(1), confirmed: [] })
    expect(copies.add({ recall: recallOf(2), confirmed: [] })).to.equal(undefined)
    expect(copies.size()).to.include({ recalls: 2, unwritten: 2 })
    for (let seq = 3; seq <= 9; seq++) {
      copies.advance()
      add(copies, seq)
    }
    expect(copies.size().bytes).to.be.at.most(1_000)
    expect(copies.size().unwritten).to.equal(copies.size().recalls)

    const failing = open({ dataDir: join(dataDir, 'other'), disk: diskThat({ write: () => failure }) })
    failure = Promise.reject(new Error('ENOSPC'))
    failure.catch(() => undefined)
    await failing.add({ recall: recallOf(1), confirmed: [] })
    expect(failing.add({ recall: recallOf(2), confirmed: [] })).to.equal(undefined)
    failure = undefined
    await waitUntil('they are written', () => failing.size().unwritten === 0)
    await failing.lose(undefined, 0)
    expect(allSeqsOf(failing)).to.deep.equal([1, 2])
  })

  it('are written again if the disk fails to flush them', async () => {
    const dataDir = folder()
    let failures = 0
    const sync = (): Promise<void> =>
      failures++ === 0 ? Promise.reject(new Error('EIO')) : Promise.resolve()
    const copies = open({ dataDir, disk: diskThat({ sync }) })
    await copies.add({ recall: recallOf(1), confirmed: [] })
    await waitUntil('they are flushed', () => copies.size().unwritten === 0)
    const [doubted, file] = filesIn(dataDir)
    expect(file).to.be.a('string')
    // As such a disk may leave it.
    writeFileSync(doubted ?? '', '')
    await copies.lose(undefined, 0)
    expect(allSeqsOf(copies)).to.deep.equal([1])
  })

  it('that rot while the process runs are counted once, however often they are read', async () => {
    const dataDir = folder()
    let rotten = 0
    const copies = openCopies({ dataDir }, { log, onRotten: () => rotten++ })
    onCleanUp(copies.close)
    add(copies, 1, 2, 3)
    await copies.flushed()
    const [file = ''] = filesIn(dataDir)
    const content = readFileSync(file)
    content[content.indexOf('"seq":2')] = 0
    writeFileSync(file, content)
    await copies.lose(undefined, 0)
    for (let times = 0; times < 3; times++) expect(allSeqsOf(copies)).to.deep.equal([1, 3])
    expect(rotten).to.equal(1)
  })

  it('are lost for as long as a clock says that nobody sets', async () => {
    const copies = open()
    add(copies, 1)
    await copies.lose(undefined, Date.now() - 2_000)
    const { now } = Date
    onCleanUp(() => void (Date.now = now))
    for (const byMs of [-3_600_000, 3_600_000]) {
      Date.now = () => now() + byMs
      expect(copies.lostDepth().ageMs).to.be.within(2_000, 1_000_000)
    }
  })

  it('that rot are counted, and the others are kept', async () => {
    const dataDir = folder()
    const first = open({ dataDir })
    add(first, 1, 2, 3)
    await first.close()
    const [file = ''] = filesIn(dataDir)
    const content = readFileSync(file)
    content[content.indexOf('"seq":2')] = 0
    writeFileSync(file, content)
    let rotten = 0
    const next = openCopies({ dataDir }, { log, onRotten: () => rotten++ })
    onCleanUp(next.close)
    await next.lose(undefined, 0)
    expect(allSeqsOf(next)).to.deep.equal([1, 3])
    expect(rotten).to.equal(1)
  })

  it('leave no files behind', async () => {
    const dataDir = folder()
    const copies = open({ dataDir, maxBytes: 2 ** 16 })
    const filling = 'x'.repeat(2 ** 15)
    for (let i = 0; i < 300; i++) {
      copies.advance()
      await copies.add({ recall: recallOf(i, filling), confirmed: [] })
    }
    await waitUntil('the rest is on disk', () => copies.size().unwritten === 0)
    copies.advance()
    await copies.add({ recall: recallOf(1), confirmed: [] })
    copies.dropOld()
    expect(filesIn(dataDir)).to.have.length.below(3)
  })

  it('are flushed to disk before what is there already is removed from it', async () => {
    let flush: () => void = () => undefined
    const broker = {
      publish: async () => ({ duplicate: false, positions: [] }),
      doubts: () => 0,
      rollbacks: () => 0,
    } as unknown as RecoverableBroker
    const copies = open({ disk: diskThat({ sync: () => new Promise<void>((resolve) => (flush = resolve)) }) })
    const copied = keepCopies(
      { markerName: 'm', historySize: 1_000 },
      { broker, copies, setAside: async () => undefined, onRecovered: () => undefined, log },
    )
    await copied.publish(recallOf(1), 1_000)
    let isDone = false
    const drained = copied.publish(recallOf(2), 1_000, { fromDisk: true }).then(() => (isDone = true))
    await delay(500)
    expect(isDone).to.equal(false)
    flush()
    await drained
  })

  it('are warned of while the disk does not take them', async () => {
    let flush: (() => void) | undefined
    const broker = {
      publish: async () => ({ duplicate: false, positions: [] }),
      mark: async () => ({ before: undefined, isStored: true }),
      server: async () => 'one',
      doubts: () => 0,
      rollbacks: () => 0,
      warnings: () => [],
      start: async () => undefined,
      stop: async () => undefined,
    } as unknown as RecoverableBroker
    const copies = open({ disk: diskThat({ sync: () => new Promise<void>((resolve) => (flush = resolve)) }) })
    const copied = keepCopies(
      { markerName: 'm', historySize: 1_000 },
      { broker, copies, setAside: async () => undefined, onRecovered: () => undefined, log },
    )
    onCleanUp(copied.stop)
    await copied.start()
    await copied.publish(recallOf(1), 1_000)
    await waitUntil('the disk is asked to flush', () => flush !== undefined)
    const { now } = performance
    onCleanUp(() => void (performance.now = now))
    let aheadMs = 0
    performance.now = () => now.call(performance) + aheadMs
    expect(copied.warnings()).to.deep.equal([])
    await waitUntil('that is seen', () => {
      aheadMs += 6_000
      return copied.warnings().length > 0
    })
    expect(copied.warnings()).to.deep.equal([
      'copies of recalls wait for the disk of the receiver, which is full, slow or failing',
    ])
    flush?.()
    await waitUntil('the warning ends', () => copied.warnings().length === 0)
  })

  it('count as lost if they were sent before a loss was found, and confirmed after it', async () => {
    const copies = open()
    let release = (): void => undefined
    const released = new Promise<void>((resolve) => (release = resolve))
    const confirm: (() => void)[] = []
    let stored: number | undefined
    let servers = 0
    const broker = {
      doubts: () => 0,
      rollbacks: () => 0,
      async server() {
        servers++
        return 'one'
      },
      async mark(_place: unknown, value: number, expected: number | undefined) {
        const before = stored
        if (before === expected) stored = value
        return { before, isStored: before === expected }
      },
      publish: () =>
        new Promise((resolve) => confirm.push(() => resolve({ duplicate: false, positions: [] }))),
      async lacks() {
        await released
        return false
      },
      start: async () => undefined,
      stop: async () => undefined,
    } as unknown as RecoverableBroker
    const copied = keepCopies(
      { markerName: 'm', historySize: 1_000 },
      { broker, copies, setAside: async () => undefined, onRecovered: () => undefined, log },
    )
    onCleanUp(copied.stop)
    onCleanUp(async () => release())
    await copied.start()
    await waitUntil('there is a marker', () => stored !== undefined)
    const publishing = copied.publish(recallOf(7), 1_000)
    stored = undefined
    await waitUntil('the loss is found', () => stored !== undefined)
    confirm[0]?.()
    await publishing
    await waitUntil('it counts as lost', () => copies.lostDepth().recalls === 1, 5_000)
    release()
    expect(servers, 'that of one connection is asked for once').to.equal(1)
  })
})
