import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { pino } from 'pino'
import type { Recall } from '../../shared/recall.ts'
import { openCopies } from '../../server/broker/spooling/copies.ts'
import type { Copies } from '../../server/broker/spooling/copies.ts'
import { createRepublishing } from '../../server/broker/spooling/republishing.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitUntil } from '../support/wait.ts'

const log = pino({ level: 'silent' })
const recallOf = (seq: number, group = 'g'): Recall => ({
  group,
  messages: [{ seq }],
  recalledAtMs: seq,
  receivedAtMs: seq,
})
const seqsOf = (copies: Copies): number[] =>
  copies
    .lost()
    .flatMap((batch) => copies.read(batch))
    .flatMap((copy) => ('recall' in copy ? copy.recall.messages.map(({ seq }) => seq) : []))

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
    onCleanUp(copies.close)
    return copies
  }
  const add = (copies: Copies, ...seqs: number[]): void => {
    for (const seq of seqs) copies.add({ recall: recallOf(seq), confirmed: [] })
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
    expect(seqsOf(first)).to.deep.equal([2, 3, 4])
    // Noted on disk by now: its next marker would hide the loss.
    await first.close()
    const next = open({ dataDir })
    expect(next.advance()).to.be.above(marker)
    expect(seqsOf(next)).to.deep.equal([2, 3, 4])
    const [batch] = next.lost()
    if (batch) next.restored(batch, next.read(batch))
    expect(seqsOf(next)).to.deep.equal([4])
    // What was just stored again is as new.
    await next.lose(next.advance() - 1, 0)
    expect(seqsOf(next)).to.deep.equal([2, 3, 4])
    await next.lose(undefined, 0)
    expect(seqsOf(next)).to.deep.equal([1, 2, 3, 4])
  })

  it('are bounded in bytes and in age, but are not too old while they are lost', async () => {
    const copies = open({ maxBytes: 250, maxAgeMs: 0 })
    for (let seq = 1; seq <= 9; seq++) {
      copies.advance()
      add(copies, seq)
    }
    expect(copies.size().bytes).to.be.at.most(250)
    await copies.lose(undefined, 0)
    expect(seqsOf(copies).at(-1)).to.equal(9)
    const { recalls } = copies.size()
    await waitUntil('they are too old', () => {
      copies.dropOld()
      return copies.size().recalls === recalls
    })
    for (const batch of copies.lost()) copies.restored(batch, copies.read(batch))
    await waitUntil('they are dropped', () => {
      copies.dropOld()
      return copies.size().recalls === 0
    })
    expect(copies.size()).to.deep.equal({ recalls: 0, bytes: 0, unwritten: 0 })
  })

  it('are published again without those that the broker refuses while it stores others, which are set aside', async () => {
    const copies = open()
    add(copies, 1)
    copies.advance()
    add(copies, 2, 3)
    copies.add({ ended: 'h', atMs: 1 })
    await copies.lose(undefined, 0)
    const calls: (string | number)[] = []
    const setAside: number[] = []
    let confirmed = 0
    const republishing = createRepublishing(
      { initialWindow: 100 },
      {
        broker: {
          lacks: async ({ messages: [message] }) => message?.seq !== 3,
          newEpoch: async () => undefined,
          async endGroup(group) {
            calls.push(group)
          },
          async publish({ messages: [message] }) {
            if (message?.seq === 1) throw new Error('refused')
            calls.push(message?.seq ?? 0)
            confirmed++
            return { duplicate: false, positions: [] }
          },
        },
        copies,
        confirmed: () => confirmed,
        onRecovered: () => undefined,
        setAside: async ({ recall }) => void setAside.push(recall?.messages[0]?.seq ?? 0),
        log,
      },
    )
    onCleanUp(republishing.stop)
    republishing.wake()
    await waitUntil('the other batch is stored', () => copies.lost().length === 1)
    // The end of the group first, and nothing that the broker still has.
    expect(calls.filter((call) => call !== 'h')).to.deep.equal([2])
    expect(calls[0]).to.equal('h')
    await waitUntil('nothing is lost any more', () => copies.lost().length === 0, 20_000)
    expect(setAside).to.deep.equal([1])
  })

  it('are begun anew if their file is damaged, which would end the process', async () => {
    const dataDir = folder()
    const first = open({ dataDir })
    add(first, 1)
    await first.close()
    const file = join(dataDir, 'copies', 'data.mdb')
    const content = readFileSync(file)
    // The number of every page behind the first two, and its kind.
    for (let at = 2 * 4_096; at < content.length; at += 4_096) content.fill(0xff, at, at + 24)
    writeFileSync(file, content)
    const next = open({ dataDir })
    add(next, 2)
    await next.close()
    await open({ dataDir }).lose(undefined, 0)
    expect(existsSync(`${file}.damaged`)).to.equal(true)
  })
})
