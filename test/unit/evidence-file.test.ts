import { expect } from 'chai'
import type { StoredEntry } from '../../server/broker/broker.ts'
import { beginning, digestOf, linkOf } from '../../server/broker/chain.ts'
import { decodeEntry, encodeEntry, joinEntry } from '../../server/broker/history.ts'
import { readEvidenceKey } from '../../server/evidence/keys.ts'
import { splitLines } from '../../server/evidence/split-lines.ts'
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

/** Writes a file of this log, and checks it. */
async function written(
  log: readonly StoredEntry[],
  { sinceMs, failsAt }: { sinceMs?: number; failsAt?: number } = {},
) {
  const lines: string[] = []
  const broker = {
    async entries(_room: unknown, after: number, limit: number) {
      if (failsAt !== undefined && after >= failsAt) throw new GatewayError('BROKER_UNAVAILABLE')
      return { head: HEAD, entries: log.filter(({ offset }) => offset > after).slice(0, limit) }
    },
    told: async () => new Map(),
  }
  const asked = { room: ROOM, q: undefined, filter: undefined, sinceMs, untilMs: undefined, askedBy: 'a' }
  const about = { key, app: '1', environment: undefined, version: '0' }
  for await (const line of writeEvidence(asked, { broker, ...about })) lines.push(line)
  async function* chunks() {
    yield* lines
  }
  const verdict = await verifyEvidence(splitLines(chunks()), key)
  return {
    lines,
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

  it('says where a chain begins anew, and what has no link or is missing', async () => {
    const { verdict } = await written(
      logOf(1, [1, 9, 20], [7, 8]).filter(({ offset }) => offset < 30 || offset > 40),
    )
    expect(verdict).to.have.property('verdict', 'verified')
    const { given } = verdict as { given: string[] }
    expect(given.map((sentence) => /entry \d+|entries \d+ to \d+|chain/.exec(sentence)?.[0])).to.deep.equal([
      'entry 7',
      'entry 8',
      'chain',
      'chain',
      'entries 30 to 40',
      'entry 41',
    ])
  })

  it('shows as unreadable what no gateway wrote', async () => {
    const log = logOf(1, [1])
    const { lines, verdict } = await written(
      log.map((entry, i) => (i === 2 ? { ...entry, notice: null } : entry)),
    )
    expect(verdict).to.have.property('verdict', 'verified')
    expect(lines[3]).to.include('"unreadable":true').and.not.include('"recall"')
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
