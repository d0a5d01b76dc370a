import { expect } from 'chai'
import type { StoredEntry } from '../../server/broker/log-reading.ts'
import { beginning, digestOf, linkOf } from '../../server/broker/chain.ts'
import { decodeEntry, encodeEntry, joinEntry } from '../../server/broker/history.ts'
import { readEvidenceKey } from '../../server/lib/evidence-keys.ts'
import type { EvidenceKey } from '../../server/lib/evidence-keys.ts'
import { splitLines } from '../../server/evidence/split-lines.ts'
import type { Verified } from '../../server/evidence/verdict.ts'
import { verifyEvidence } from '../../server/evidence/verify.ts'
import { writeEvidence } from '../../server/evidence/write.ts'
import { GatewayError } from '../../shared/errors.ts'

const ROOM = { group: 'g' }
const HEAD = { epoch: 'e2', offset: 250 }
const key = readEvidenceKey(Buffer.alloc(32, 7).toString('base64'))

/** Entries of a log, the first with this offset; those of `beginnings` begin a chain, those of `unlinked` have no link. */
function logOf(
  first: number,
  beginnings: readonly number[] = [],
  unlinked: readonly number[] = [],
): StoredEntry[] {
  let previous = 'a link that the log no longer holds'
  return Array.from({ length: HEAD.offset - first + 1 }, (_, i) => {
    const offset = first + i
    const encoded = encodeEntry({
      ...ROOM,
      messages: [{ seq: offset }],
      recalledAtMs: offset,
      receivedAtMs: offset,
    })
    const text = joinEntry(encoded, encoded.messages)
    const notice = decodeEntry(text, offset)
    if (unlinked.includes(offset)) return { offset, text, subset: '', notice, link: undefined }
    const begins = beginnings.includes(offset)
    const covered = { offset, keptAtMs: offset, subset: '', digest: digestOf(text) }
    const link = linkOf(begins ? beginning('e1') : previous, covered)
    previous = link
    return {
      offset,
      text,
      subset: '',
      notice,
      link: { link, keptAtMs: offset, ...(begins && { epoch: 'e1' }) },
    }
  })
}

interface Writing {
  readonly sinceMs?: number
  readonly untilMs?: number
  /** After this entry, the store is unavailable. */
  readonly failsAt?: number
  /** The log is trimmed to what follows this entry once it has been read for the first time. */
  readonly trimmedTo?: number
  /** Where the log ends, and its epoch. */
  readonly end?: number
  readonly epoch?: string
  readonly signer?: EvidenceKey
  readonly earlier?: Verified
}

/** Writes a file of this log, and checks it. */
async function written(
  log: readonly StoredEntry[],
  {
    sinceMs,
    untilMs,
    failsAt,
    trimmedTo = 0,
    end = HEAD.offset,
    epoch = HEAD.epoch,
    signer = key,
    earlier,
  }: Writing = {},
) {
  const lines: string[] = []
  const asksTold: (readonly [first: number, last: number])[] = []
  let reads = 0
  const broker = {
    async entries(_room: unknown, after: number, limit: number) {
      if (failsAt !== undefined && after >= failsAt) throw new GatewayError('BROKER_UNAVAILABLE')
      const from = reads++ === 0 ? after : Math.max(after, trimmedTo)
      return {
        head: { epoch, offset: end },
        entries: log.filter(({ offset }) => offset > from).slice(0, limit),
      }
    },
    async told({ first, last }: { readonly first: number; readonly last: number }) {
      asksTold.push([first, last])
      return new Map()
    },
  }
  const asked = { room: ROOM, q: undefined, filter: undefined, sinceMs, untilMs, askedBy: 'a' }
  const about = { key: signer, app: '1', environment: undefined, version: '0', goOn: () => undefined }
  for await (const line of writeEvidence(asked, { broker, ...about })) lines.push(line)
  async function* chunks() {
    yield* lines
  }
  const verdict = await verifyEvidence(splitLines(chunks()), { keys: [key], ...(earlier && { earlier }) })
  return {
    lines,
    asksTold,
    verdict: verdict.verdict === 'verified' ? { ...verdict, given: [...verdict.given] } : verdict,
  }
}

describe('a file of evidence', () => {
  it('takes the first link as it stands only if the log no longer holds the entry before it', async () => {
    expect((await written(logOf(1, [1]))).verdict).to.deep.include({ verdict: 'verified', given: [] })
    const trimmed = await written(logOf(100))
    expect(trimmed.verdict).to.have.property('given').that.has.length(1)
    expect(trimmed.verdict)
      .to.have.nested.property('given[0]')
      .that.includes('line 2: the link of entry 100 is taken')
    const part = await written(logOf(100), { sinceMs: 230 })
    expect(part.lines).to.have.length(1 + 21 + 2)
    expect(part.verdict).to.deep.include({ verdict: 'verified', given: [] })
  })

  it('says where a chain begins anew, and what has no link or was trimmed meanwhile', async () => {
    const { verdict } = await written(logOf(1, [1, 9, 20], [7, 8]), { trimmedTo: 120 })
    expect(verdict).to.have.property('verdict', 'verified')
    const { given } = verdict as { given: string[] }
    expect(given.map((sentence) => /entry \d+|entries \d+ to \d+|chain/.exec(sentence)?.[0])).to.deep.equal([
      'entry 7',
      'entry 8',
      'chain',
      'chain',
      'entries 101 to 120',
      'entry 121',
    ])
  })

  for (const [where, from, to] of [
    ['within a page', 30, 40],
    ['at the end of a page', 101, 101],
  ] as const)
    it(`does not verify if entries are missing between others that the log holds, ${where}`, async () => {
      const { lines, verdict } = await written(
        logOf(1, [1]).filter(({ offset }) => offset < from || offset > to),
      )
      expect(lines[from]).to.equal(`{"missing":{"from":${from},"to":${to}},"removed":true}\n`)
      expect(verdict).to.include({ verdict: 'altered', line: from + 1 })
      expect(verdict).to.have.property('problem').that.includes(`entries ${from} to ${to} are missing`)
    })

  it('says that the log was emptied', async () => {
    const { verdict } = await written([])
    expect(verdict).to.have.property('verdict', 'verified')
    expect(verdict).to.have.nested.property('given[0]').that.includes('ended with entry 250, and held none')
  })

  it('says so if the log lost its last entries while the others were read', async () => {
    const { lines, verdict } = await written(logOf(1, [1]), { trimmedTo: HEAD.offset })
    expect(lines).to.have.length(1 + 100 + 1 + 2)
    expect(verdict).to.have.property('verdict', 'verified')
    expect(verdict).to.have.property('given').that.has.length(1)
    expect(verdict).to.have.nested.property('given[0]').that.includes('no longer held the entries 101 to 250')
  })

  it('notes a file that ends before the log did, whoever made it', async () => {
    const { lines } = await written(logOf(1, [1]).slice(0, 120))
    const body = lines.slice(0, -3).join('')
    expect(lines.at(-3)).to.include('"missing":{"from":121,"to":250}')
    const head = JSON.parse(lines.at(-2) ?? '') as { head: Record<string, unknown> }
    const text = `${JSON.stringify({ head: { ...head.head, lines: 121, sha256: digestOf(body) } })}\n`
    const signed = {
      signature: key.sign(Buffer.from(text.slice(0, -1))),
      key: key.id,
      publicKey: key.publicKey,
    }
    async function* chunks() {
      yield Buffer.from(`${body}${text}${JSON.stringify(signed)}\n`)
    }
    const verdict = await verifyEvidence(splitLines(chunks()))
    expect(verdict).to.have.nested.property('given[0]').that.includes('ends with entry 120')
  })

  it('is cut behind the last entry of a time, though the clock of the store went back', async () => {
    const log = logOf(1, [1])
    const back = log.map((entry, i) =>
      i === 9 && entry.link ? { ...entry, link: { ...entry.link, keptAtMs: 1_000 } } : entry,
    )
    const { lines } = await written(back, { untilMs: 31 })
    const offsets = lines.slice(1, -2).map((line) => (JSON.parse(line) as { offset: number }).offset)
    expect(offsets).to.deep.equal(Array.from({ length: 30 }, (_, i) => i + 1))
  })

  it('asks who was told of all that it shows, and of nothing before', async () => {
    const holes = logOf(1, [1], [250]).filter(({ offset }) => offset < 20 || offset > 240)
    const stale = holes.map((entry) =>
      entry.offset === 250 && entry.notice
        ? { ...entry, notice: { ...entry.notice, receivedAtMs: 1 } }
        : entry,
    )
    const { asksTold } = await written(stale, { sinceMs: 245 })
    expect(asksTold).to.deep.equal([[245, 250]])
    expect((await written(logOf(1, [1]), { sinceMs: 220 })).asksTold).to.deep.equal([[220, 250]])
  })

  it('agrees with an earlier file, unless the log was changed meanwhile', async () => {
    const earlier = (await written(logOf(1, [1]), { untilMs: 200 })).verdict as Verified
    expect(earlier).to.have.nested.property('head.last.offset', 199)
    const later = await written(logOf(1, [1]), { earlier })
    expect(later.verdict).to.include({ verdict: 'verified', agrees: true })
    const before = await written(logOf(1, [1]), { sinceMs: 200, earlier })
    expect(before.verdict).to.include({ verdict: 'verified', agrees: true })
    const changed = await written(logOf(1, [1, 50]), { earlier })
    expect(changed.verdict).to.have.property('verdict', 'altered')
    expect(changed.verdict).to.have.property('problem').that.includes('entry 199 has another link')
    const trimmed = await written(logOf(220), { earlier })
    expect(trimmed.verdict).to.not.have.property('agrees')
    expect((trimmed.verdict as Verified).given.join()).to.include('nothing could be compared')
  })

  it('does not agree with an earlier file if the log has lost its last entries since', async () => {
    const whole = (await written(logOf(1, [1]))).verdict as Verified
    const cut = await written(logOf(1, [1]).slice(0, 200), { end: 200, earlier: whole })
    expect(cut.verdict).to.have.property('verdict', 'altered')
    expect(cut.verdict).to.have.property('problem').that.includes('had entry 250')
    const later = { ...whole, head: { ...whole.head, signedAt: '2999-01-01T00:00:00.000Z' } }
    const exchanged = await written(logOf(1, [1]).slice(0, 200), { end: 200, earlier: later })
    expect(exchanged.verdict).to.have.property('verdict', 'unknown')
    expect(exchanged.verdict).to.have.property('problem').that.includes('exchange them')
    const anew = await written(logOf(1, [1]).slice(0, 200), { end: 200, epoch: 'e3', earlier: whole })
    expect(anew.verdict).to.have.property('verdict', 'verified')
  })

  it('says that the key is another one only if nothing else is wrong', async () => {
    const { lines } = await written(logOf(200))
    const other = readEvidenceKey(Buffer.alloc(32, 8).toString('base64'))
    async function* chunks(text: string) {
      yield Buffer.from(text)
    }
    const file = lines.join('')
    const verdict = await verifyEvidence(splitLines(chunks(file)), { keys: [other] })
    expect(verdict).to.have.property('verdict', 'unknown')
    expect(verdict).to.have.property('problem').that.includes(`the key ${key.id}, not with ${other.id}`)
    expect(await verifyEvidence(splitLines(chunks(file)), { keys: [other, key] })).to.have.property(
      'verdict',
      'verified',
    )
    const altered = await verifyEvidence(splitLines(chunks(file.replace('"seq":210', '"seq":9'))), {
      keys: [other],
    })
    expect(altered).to.have.property('verdict', 'altered')
    const mailed = await verifyEvidence(splitLines(chunks(file.replaceAll('\n', '\r\n'))))
    expect(mailed).to.have.property('problem').that.includes('line breaks')
    async function* saved(marked: string, encoding: 'utf8' | 'utf16le') {
      yield Buffer.from(marked, encoding)
    }
    for (const encoding of ['utf8', 'utf16le'] as const) {
      const again = await verifyEvidence(splitLines(saved(`\uFEFF${file}`, encoding)))
      expect(again, encoding).to.have.property('verdict', 'unknown')
      expect(again, encoding).to.have.property('problem').that.includes('another encoding')
    }
  })

  it('does not believe a file of a stranger that says that the log was changed', async () => {
    const signer = readEvidenceKey(Buffer.alloc(32, 8).toString('base64'))
    const changed = logOf(1, [1]).map((entry, i) =>
      i === 9 && entry.link ? { ...entry, link: { ...entry.link, link: 'a'.repeat(40) } } : entry,
    )
    expect((await written(changed)).verdict).to.include({ verdict: 'altered', line: 11 })
    expect((await written(changed, { signer })).verdict).to.have.property('verdict', 'unknown')
  })

  it('shows as unreadable what the gateway could not read', async () => {
    const log = logOf(1, [1])
    const { lines, verdict } = await written(
      log.map((entry, i) => (i === 2 ? { ...entry, notice: null } : entry)),
    )
    expect(verdict).to.have.property('verdict', 'verified')
    expect(lines[3]).to.include('"unreadable":true').and.include('"entry"').and.not.include('"recall"')
    expect(verdict).to.have.nested.property('given[0]').that.includes('could not read: 1')
  })

  it('claims no chain across an entry without a link', async () => {
    const log = logOf(1, [1], [7])
    expect((await written(log)).verdict).to.include({ verdict: 'altered', line: 9 })
  })

  it('says that it is not complete if the store fails while it is written, and is none if it fails before', async () => {
    const { lines, verdict } = await written(logOf(1, [1]), { failsAt: 150 })
    expect(verdict).to.have.nested.property('given[0]').that.includes('not complete')
    expect(lines).to.have.length(1 + 200 + 2)
    const failed = await written(logOf(1, [1]), { failsAt: 0 }).catch((error: unknown) => error)
    expect(failed).to.have.property('code', 'BROKER_UNAVAILABLE')
  })
})
