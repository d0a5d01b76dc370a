import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join, relative } from 'node:path'
import { expect } from 'chai'
import { pino } from 'pino'
import { createEmbeddedBroker } from '../../server/broker/embedded/embedded-broker.ts'
import { isEnd } from '../../server/broker/spooling/copy-lines.ts'
import { openCopies } from '../../server/broker/spooling/copies.ts'
import { openGroupEnds } from '../../server/broker/spooling/group-ends.ts'
import { openSpool } from '../../server/broker/spooling/spool.ts'
import { readFolderId } from '../../server/lib/data-dir.ts'
import { systemDisk } from '../../server/lib/disk.ts'
import type { Disk } from '../../server/lib/disk.ts'
import { openQuarantine } from '../../server/receiver/quarantine/quarantine-files.ts'
import type { Recall } from '../../shared/recall.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { COMMIT_SEED } from '../support/commit-seed.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const COUNT = 3
const STRIDE = 31
const numbers = [...Array(COUNT).keys()]
/** Damaged folders are many, and need not survive a power cut. */
const fastDisk: Disk = { ...systemDisk, replace: writeFileSync, syncFolder: async () => undefined }
const full = (): never => {
  throw new Error('ENOSPC: no space left on device')
}
const fullDisk: Disk = { ...fastDisk, replace: full, create: async () => full() }
const recall = (seq: number): Recall => ({
  group: 'g',
  messages: [{ seq }],
  recalledAtMs: 1,
  receivedAtMs: Date.now(),
})
const request = (seq: number) => ({
  receivedAtMs: seq,
  query: '',
  body: `webhook ${seq}`,
  encoding: 'utf8' as const,
  reason: 'r',
})

/** Returns all files below a folder. */
const filesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    statSync(join(folder, name)).isFile(),
  )

describe('a data folder', () => {
  const onCleanUp = cleanUpAfterEach()

  /** Opens everything that a receiver keeps. */
  async function open(dataDir: string, disk: Disk) {
    const reports: string[] = []
    const onDamage = ({ kind, where }: { readonly kind: string; readonly where: string }): void =>
      void reports.push(`${kind} ${relative(dataDir, where)}`)
    const log = pino({ level: 'warn' }, { write: (line: string) => void reports.push(line) })
    const id = await readFolderId({ dataDir, app: '1', disk }, { onRotten: (file) => reports.push(file) })
    const spool = openSpool({ dataDir, maxBytes: 2 ** 20, disk, onDamage })
    const ends = openGroupEnds({ dataDir, disk, onDamage })
    const copies = openCopies({ dataDir, disk }, { log, onRotten: () => reports.push('copies') })
    const quarantine = await openQuarantine({ dataDir, disk, onDamage: (damage) => reports.push(damage) })
    return { id, spool, ends, copies, quarantine, reports }
  }

  type Opened = Awaited<ReturnType<typeof open>>

  async function close({ spool, ends, copies, quarantine }: Opened): Promise<void> {
    await Promise.all([spool, ends, copies, quarantine].map((store) => store.close()))
  }

  /** Returns what is in it, by kind. */
  async function contentOf({ id, spool, ends, copies, quarantine }: Opened) {
    await copies.lose(undefined, 0)
    return {
      id: [id],
      reached: [spool.wasReached('b')],
      spool: spool.oldest(100).map((entry) => entry.recall?.messages[0]?.seq),
      ends: ends.some(100).map(({ group }) => group),
      copies: copies
        .lost()
        .flatMap((batch) => copies.read(batch))
        .map((copy) => (isEnd(copy.copy) ? undefined : copy.copy.recall.messages[0]?.seq)),
      quarantine: quarantine
        .list()
        .filter(({ kind }) => kind !== 'rotten')
        .map(({ request: { body } }) => body),
    }
  }

  /** Flips bits in the files with such names, and opens the folder each time. */
  async function openRotten(disk: Disk, isFlipped: (file: string) => boolean, stride: number) {
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    const sound = join(folder.path, 'sound')
    mkdirSync(sound)
    const first = await open(sound, fastDisk)
    await first.spool.markReached('b')
    for (const i of [...numbers, COUNT]) await first.spool.append(recall(i))
    await first.spool.remove(first.spool.oldest(100).slice(-1))
    for (const i of numbers) {
      await first.ends.add(`group ${i}`, i)
      await first.quarantine.add(request(i))
      await first.copies.add({ recall: recall(i), confirmed: [] })
    }
    const expected = {
      id: [first.id],
      reached: [true],
      spool: numbers,
      ends: numbers.map((i) => `group ${i}`),
      copies: numbers,
      quarantine: numbers.map((i) => `webhook ${i}`),
    }
    await close(first)
    const files = filesIn(sound)
    for (const part of ['format', 'folder-id', 'reached', 'removed', 'spool', 'ends', 'webhook', 'copies'])
      expect(files.join(), part).to.include(part)

    const rotten = join(folder.path, 'rotten')
    for (const file of files.filter(isFlipped)) {
      const content = readFileSync(join(sound, file))
      for (let at = COMMIT_SEED % stride; at < content.length; at += stride) {
        rmSync(rotten, { recursive: true, force: true })
        cpSync(sound, rotten, { recursive: true })
        const variant = Buffer.from(content)
        const bit = (COMMIT_SEED + at) % 8
        variant[at] = (variant[at] ?? 0) ^ (1 << bit)
        writeFileSync(join(rotten, file), variant)
        const place = `${file}, byte ${at}, bit ${bit}`
        const opened = await open(rotten, disk)
        const found = await contentOf(opened)
        await close(opened)
        for (const kind of Object.keys(expected) as (keyof typeof expected)[]) {
          const [has, had] = [found[kind] as unknown[], expected[kind] as unknown[]]
          const lost = had.filter((one) => !has.includes(one))
          if (lost.length > 0) expect(opened.reports, `${place}: ${kind}`).to.not.be.empty
          expect(lost.length, `${place}: ${kind}`).to.be.at.most(kind === 'id' || kind === 'reached' ? 0 : 1)
          // Only what was removed may be back.
          const added = has.filter((one) => !had.includes(one))
          expect(
            added.filter((one) => one !== COUNT),
            place,
          ).to.deep.equal([])
        }
      }
    }
  }

  it('opens wherever a bit is flipped in any of its files, and what is lost by it is reported', async () => {
    await openRotten(fastDisk, () => true, STRIDE)
  })

  it('opens on a full disk wherever a bit is flipped in a journal', async () => {
    await openRotten(fullDisk, (file) => /\.(journal|removed-\d+)$/.test(file), 4 * STRIDE)
  })

  it('keeps a file on a full disk although all in it is rotten, because nothing could take that', async () => {
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    const first = await open(folder.path, fastDisk)
    await first.spool.append(recall(1))
    await close(first)
    const file = filesIn(folder.path).find((one) => /^spool.*journal$/.test(one)) ?? ''
    const content = readFileSync(join(folder.path, file))
    content.writeUInt8(content.readUInt8(content.length - 5) ^ 1, content.length - 5)
    writeFileSync(join(folder.path, file), content)
    for (const start of [1, 2]) {
      const opened = await open(folder.path, fullDisk)
      expect(opened.reports, `start ${start}`).to.not.be.empty
      await close(opened)
      expect(existsSync(join(folder.path, file)), `after start ${start}`).to.equal(true)
    }
  })

  it('of the embedded broker opens wherever a bit is flipped in what is beside its store', async () => {
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    const dataDir = folder.path
    const start = async () => {
      const options = { historySize: 10, historyTtlS: 60, dataDir }
      const broker = createEmbeddedBroker(options, { log: pino({ level: 'silent' }) })
      await broker.start()
      return broker
    }
    const broker = await start()
    await broker.publish(recall(1), 5_000)
    await broker.stop()
    const file = join(dataDir, 'broker', 'state')
    const content = readFileSync(file)
    for (let at = COMMIT_SEED % STRIDE; at < content.length; at += STRIDE) {
      const variant = Buffer.from(content)
      variant[at] = (variant[at] ?? 0) ^ (1 << (at % 8))
      writeFileSync(file, variant)
      const next = await start()
      expect(await next.recalled({ group: 'g' }, [1]), `byte ${at}`).to.have.length(1)
      await next.stop()
    }
  })
})
