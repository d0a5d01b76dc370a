import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { systemDisk } from '../../server/lib/disk.ts'
import type { Disk, OpenFile } from '../../server/lib/disk.ts'
import { openJournal } from '../../server/lib/journal/journal.ts'
import type { Damage, Journal } from '../../server/lib/journal/journal.ts'
import { HEADER_BYTES, scanRecords } from '../../server/lib/journal/records.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { COMMIT_SEED } from '../support/commit-seed.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const ENTRIES = 8
const textOf = (i: number): string => JSON.stringify({ entry: i, filling: 'x'.repeat(20 + i) })
const textsIn = (journal: Journal): string[] => journal.read(1_000).map(({ payload }) => payload.toString())

/** Another third of the bytes in each commit. */
const FROM = COMMIT_SEED % 3

/** Damaged files are many, and need not survive a power cut. */
const quickDisk: Disk = { ...systemDisk, replace: writeFileSync }

/** Returns the bytes of an entry in a file. */
function recordOf(text: string, content: Buffer): Buffer {
  const at = content.indexOf(text)
  return content.subarray(at - HEADER_BYTES, at + text.length)
}

/** The last file, if it ends with an entry, cannot be told from one to which nothing more was written. */
const isCutBetween = (content: Buffer, isLast: boolean): boolean =>
  isLast && scanRecords(content).end === content.length && scanRecords(content).rotten.length === 0

describe('journal', () => {
  const onCleanUp = cleanUpAfterEach()

  function createFolder(): string {
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    return folder.path
  }

  /** A disk whose open files do this before each write and flush; what it throws is the failure of the disk. */
  const withFiles = (
    before: (
      operation: 'write' | 'sync',
      content: Buffer | undefined,
      file: OpenFile,
      offset: number,
    ) => unknown,
  ): Disk => ({
    ...systemDisk,
    async create(name) {
      const file = await systemDisk.create(name)
      return {
        ...file,
        async write(content, offset) {
          await before('write', content, file, offset)
          await file.write(content, offset)
        },
        async sync() {
          await before('sync', undefined, file, 0)
          await file.sync()
        },
      }
    },
  })

  /** Appends entries to a journal of two files, removes the third one, and returns the files. */
  async function written(): Promise<{ readonly files: Map<string, Buffer>; readonly texts: string[] }> {
    const folder = createFolder()
    const journal = openJournal({ folder, segmentBytes: 450 })
    const keys: number[] = []
    for (let i = 0; i < ENTRIES; i++) keys.push(await journal.append(Buffer.from(textOf(i))))
    await journal.remove(keys.slice(2, 3))
    await journal.close()
    const files = new Map(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name))]))
    expect([...files.keys()].filter((name) => name.endsWith('.journal'))).to.have.length(2)
    const texts = Array.from({ length: ENTRIES }, (_, i) => textOf(i)).filter((_, i) => i !== 2)
    return { files, texts }
  }

  /** Opens a journal with these files. Returns what it holds, and what it found damaged. */
  function reopen(folder: string, files: ReadonlyMap<string, Buffer>) {
    rmSync(folder, { recursive: true, force: true })
    mkdirSync(folder)
    for (const [name, content] of files) writeFileSync(join(folder, name), content)
    const damages: Damage[] = []
    const journal = openJournal({ folder, disk: quickDisk, onDamage: (damage) => damages.push(damage) })
    return { journal, damages, texts: textsIn(journal) }
  }

  /** Damages a file in each of these ways, and checks that all that is not damaged is there, and what is not there accounted for. */
  async function checkEach(variants: (content: Buffer, name: string) => Iterable<Buffer>) {
    const { files, texts } = await written()
    const folder = join(createFolder(), 'journal')
    const lastName = [...files.keys()].findLast((name) => name.endsWith('.journal'))
    let count = 0
    for (const [name, content] of files) {
      for (const variant of variants(content, name)) {
        count++
        const { texts: found, damages, journal } = reopen(folder, new Map([...files, [name, variant]]))
        const isRemovals = !name.endsWith('.journal')
        const expected = isRemovals ? found.filter((text) => text !== textOf(2)) : found
        const lost = texts.filter((text) => !expected.includes(text))
        expect(expected, name).to.deep.equal(texts.filter((text) => !lost.includes(text)))
        if (isRemovals) expect(lost).to.deep.equal([])
        // What is whole is delivered, wherever the damage is.
        for (const text of lost)
          expect(variant.includes(recordOf(text, content)), `${name}: ${text}`).to.equal(false)
        // A damaged first record, which is no entry, may be reported too; a removed entry need not be.
        if (lost.length > 0 && !isCutBetween(variant, name === lastName))
          expect(damages, name).to.not.be.empty
        if (damages.length === 0) continue
        const noted = damages.map(({ bytes, where, kind }) => `${kind} ${where} ${bytes.toString('latin1')}`)
        for (const text of lost) {
          const isNoted = (note: string): boolean =>
            note.startsWith('torn') ||
            [
              text.slice(0, 10),
              text.slice(10, 20),
              text.slice(-10),
              'missing',
              '\0'.repeat(10),
              '\xff'.repeat(10),
            ].some((sign) => note.includes(sign))
          expect(noted.some(isNoted), `${name}: ${text} in ${noted.join()}`).to.equal(true)
        }
        // What was set aside is not found again.
        if (damages.some(({ kind }) => kind === 'entry')) {
          const again: Damage[] = []
          const reopened = openJournal({ folder, disk: quickDisk, onDamage: (damage) => again.push(damage) })
          expect(again.filter(({ kind }) => kind === 'entry')).to.deep.equal([])
          expect(textsIn(reopened)).to.deep.equal(found)
        }
        void journal.close()
      }
    }
    return count
  }

  it('delivers every entry that is not damaged, whichever bit is flipped', async () => {
    const count = await checkEach(function* (content) {
      for (let at = FROM; at < content.length; at += 3) {
        const variant = Buffer.from(content)
        variant[at] = (variant[at] ?? 0) ^ (1 << (at % 8))
        yield variant
      }
    })
    expect(count).to.be.above(200)
  })

  it('delivers every entry that is whole, wherever a file is cut', async () => {
    await checkEach(function* (content) {
      for (let length = FROM; length < content.length; length += 3) yield content.subarray(0, length)
    })
  })

  it('delivers every entry that is whole, whichever sectors are zeroed or cannot be read', async () => {
    await checkEach(function* (content) {
      for (const bytes of [16, 64, 512])
        for (let at = 0; at < content.length; at += 24)
          for (const byte of bytes === 512 ? [0, 0xff] : [0])
            yield Buffer.from(content).fill(byte, at, Math.min(content.length, at + bytes))
    })
  })

  it('loses nothing that was confirmed, and confirms nothing else, when the disk fails to write or to flush', async () => {
    let operations = 0
    let failAt = 0
    const disk = withFiles(async (operation, content, file, offset) => {
      if (++operations !== failAt) return
      // As a disk that gets full in the middle of a record.
      if (content) await file.write(content.subarray(0, content.length / 2), offset)
      throw new Error(`cannot ${operation}`)
    })
    for (failAt = 1; failAt <= 24; failAt++) {
      operations = 0
      const folder = createFolder()
      const journal = openJournal({ folder, segmentBytes: 450, disk })
      const confirmed: string[] = []
      for (let i = 0; i < ENTRIES; i++)
        await journal.append(Buffer.from(textOf(i))).then(
          () => confirmed.push(textOf(i)),
          () => undefined,
        )
      expect(confirmed.length).to.be.within(ENTRIES - 1, ENTRIES)
      expect(textsIn(journal)).to.deep.equal(confirmed)
      await journal.remove(journal.read(1).map(({ key }) => key)).catch(() => undefined)
      expect(textsIn(journal)).to.deep.equal(confirmed.slice(1))
      await journal.close()
      const damages: Damage[] = []
      const reopened = openJournal({ folder, onDamage: (damage) => damages.push(damage) })
      expect(textsIn(reopened)).to.include.members(confirmed.slice(1))
      expect(damages.filter(({ kind }) => kind === 'entry')).to.deep.equal([])
    }
  })

  it('gives entries that are appended together keys in their order, and has all of them or none', async () => {
    const folder = createFolder()
    let isFailing = false
    const disk = withFiles((operation) => {
      if (isFailing && operation === 'sync') throw new Error('EIO')
    })
    const journal = openJournal({ folder, disk })
    const group = (from: number): Buffer[] => [0, 1, 2].map((i) => Buffer.from(textOf(from + i)))
    const [one, alone, other] = await Promise.all([
      journal.appendAll(group(0)),
      journal.append(Buffer.from(textOf(3))),
      journal.appendAll(group(4)),
    ])
    expect([alone, other]).to.deep.equal([one + 3, one + 4])
    isFailing = true
    const failed = await journal.appendAll(group(10)).catch(String)
    expect(failed).to.equal('Error: EIO')
    isFailing = false
    await journal.appendAll(group(7))
    const all = Array.from({ length: 10 }, (_, i) => textOf(i))
    expect(textsIn(journal)).to.deep.equal(all)
    await journal.close()
    const again = openJournal({ folder })
    // What failed to be flushed may be there, and all of it.
    const texts = textsIn(again).filter((text) => !all.includes(text))
    expect(textsIn(again)).to.include.members(all)
    expect([0, 3]).to.include(texts.length)
    await again.close()
  })

  it('takes in what another journal left in its folder, and what is in the wrong file', async () => {
    const [one, other] = [await written(), await written()]
    const folder = join(createFolder(), 'journal')
    const both = new Map([...one.files, ...other.files])
    const [first = '', second = ''] = [...one.files.keys()].filter((name) => name.endsWith('.journal'))
    const swapped = new Map([...one.files].toReversed())
    swapped
      .set(first, one.files.get(second) ?? Buffer.alloc(0))
      .set(second, one.files.get(first) ?? Buffer.alloc(0))
    for (const [files, copies] of [
      [both, 2],
      [swapped, 1],
    ] as const) {
      const { journal, texts, damages } = reopen(folder, files)
      // What was removed may be back as a repeat, if it is in the wrong file.
      const expected = one.texts.flatMap((text) => Array.from({ length: copies }, () => text))
      expect(texts.filter((text) => text !== textOf(2)).toSorted()).to.deep.equal(expected.toSorted())
      if (files === both) expect(texts).to.not.include(textOf(2))
      expect(damages.map(({ kind }) => kind)).to.include('strays')
      await journal.close()
      const again: Damage[] = []
      const reopened = openJournal({ folder, disk: quickDisk, onDamage: (damage) => again.push(damage) })
      expect(again).to.deep.equal([])
      expect(textsIn(reopened)).to.deep.equal(texts)
      const keys = reopened.read(1_000).map(({ key }) => key)
      expect(new Set(keys).size).to.equal(keys.length)
    }
  })

  it('returns an entry that rots while it is open as what was read', async () => {
    const folder = createFolder()
    const journal = openJournal({ folder })
    for (let i = 0; i < 3; i++) await journal.append(Buffer.from(textOf(i)))
    const [name = ''] = readdirSync(folder)
    const content = readFileSync(join(folder, name))
    const at = content.indexOf(textOf(1))
    writeFileSync(join(folder, name), content.fill('y', at, at + 1))
    expect(journal.read(10).map(({ isRotten }) => isRotten)).to.deep.equal([false, true, false])
    await journal.remove(journal.read(10).map(({ key }) => key))
    expect(journal.size()).to.equal(0)
    await journal.close()
    expect(readdirSync(folder).filter((file) => file.endsWith('.journal'))).to.deep.equal([])
  })

  it('has everything that it confirmed to a process which was killed', async () => {
    const folder = createFolder()
    const script = `
      const { openJournal } = await import(process.argv[1])
      const journal = openJournal({ folder: process.argv[2], segmentBytes: 20_000 })
      let next = 1
      const send = async () => {
        for (;;) {
          const number = next++
          await journal.append(Buffer.from(JSON.stringify({ number, filling: 'x'.repeat(200) })))
          process.stdout.write(number + '\\n')
        }
      }
      for (let i = 0; i < 20; i++) void send()
    `
    const module = new URL('../../server/lib/journal/journal.js', import.meta.url).href
    const child = spawn(process.execPath, ['--input-type=module', '-e', script, module, folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let output = ''
    child.stdout.on('data', (data: Buffer) => {
      output += data.toString()
      if (output.length > 2_000) child.kill('SIGKILL')
    })
    await once(child, 'close')
    const confirmed = output.split('\n').slice(0, -1).map(Number)
    expect(confirmed.length).to.be.above(300)
    const damages: Damage[] = []
    const found = openJournal({ folder, onDamage: (damage) => damages.push(damage) })
      .read(1_000_000)
      .map(({ payload }) => (JSON.parse(payload.toString()) as { number: number }).number)
    expect(found).to.include.members(confirmed)
    expect(found).to.deep.equal(Array.from({ length: found.length }, (_, i) => i + 1))
    expect(damages.filter(({ kind }) => kind === 'entry')).to.deep.equal([])
  })
})
