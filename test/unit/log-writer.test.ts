import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { LogSampler, MAX_PER_WINDOW } from '../../server/telemetry/log-sampler.ts'
import { LogWriter, MAX_QUEUED_BYTES } from '../../server/telemetry/log-writer.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { namedPipe } from '../support/named-pipe.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitUntil } from '../support/wait.ts'

const describeDropped = (lines: number): string => `dropped ${lines}\n`
const LINE = `${'x'.repeat(1_023)}\n`

describe('log writer', () => {
  const onCleanUp = cleanUpAfterEach()

  /** A writer to a pipe, and a function that reads what is in it. */
  function pipe() {
    const { fd, read, remove } = namedPipe()
    onCleanUp(remove)
    return { writer: new LogWriter(fd, describeDropped), read }
  }

  /** Reads until a line matches, and returns all lines. */
  async function readUntil(read: () => string, end: RegExp): Promise<string[]> {
    let text = ''
    await waitUntil(`a line matches ${end}`, () => end.test((text += read())))
    return text.split('\n').slice(0, -1)
  }

  it('writes lines in their order', async () => {
    const { writer, read } = pipe()
    for (let i = 1; i <= 100; i++) writer.write(`line ${i}\n`)
    const lines = await readUntil(read, /line 100\n/)
    expect(lines).to.deep.equal(Array.from({ length: 100 }, (_, i) => `line ${i + 1}`))
  })

  it('keeps lines in order and whole while the reader stalls, and tells how many did not fit', async () => {
    const { writer, read } = pipe()
    const given = (MAX_QUEUED_BYTES / LINE.length) * 3
    for (let i = 0; i < given; i++) {
      writer.write(LINE)
      // The writer fills the pipe meanwhile.
      if (i % 100 === 0) await new Promise(setImmediate)
    }
    await new Promise(setImmediate)
    writer.write('after\n')
    const lines = await readUntil(read, /dropped \d+\n(.*\n)*$/)
    await waitUntil('the queue is read', () => read() === '')
    const dropped = Number(/\d+/.exec(lines.find((line) => line.startsWith('dropped')) ?? '')?.[0])
    expect(dropped).to.be.above(given / 3)
    expect(dropped).to.be.below(given)
    for (const line of lines) expect(line).to.match(/^(x{1023}|dropped \d+|after)$/)
  })

  it('survives a disk without room, and writes the rest at the end of the process', async () => {
    const full = openSync('/dev/full', 'w')
    onCleanUp(async () => closeSync(full))
    const writer = new LogWriter(full, describeDropped)
    writer.write(LINE)
    await new Promise(setImmediate)
    writer.flushSync()

    const folder = temporaryFolder()
    onCleanUp(async () => folder.remove())
    const path = join(folder.path, 'log')
    const file = openSync(path, 'a')
    const writerToFile = new LogWriter(file, describeDropped)
    writerToFile.write('one\n')
    writerToFile.write('two\n')
    writerToFile.flushSync()
    expect(readFileSync(path, 'utf8')).to.equal('one\ntwo\n')
    closeSync(file)
  })
})

describe('log sampler', () => {
  it('admits the first lines of a kind in each window, and tells how many it omitted', async () => {
    const sampler = new LogSampler(20)
    const reports: number[] = []
    const admitted = Array.from({ length: 100 }, () =>
      sampler.admits('a', (omitted) => reports.push(omitted)),
    )
    expect(admitted.filter(Boolean)).to.have.length(MAX_PER_WINDOW)
    expect(sampler.admits('b', () => undefined)).to.equal(true)
    await waitUntil('the window ends', () => reports.length > 0)
    expect(reports).to.deep.equal([100 - MAX_PER_WINDOW])
    expect(sampler.admits('a', () => undefined)).to.equal(true)
  })
})
