import { expect } from 'chai'
import { EXPORT_FORMATS } from '../../server/api/export-lines.ts'
import { decodeEntry } from '../../server/broker/history.ts'
import { VERSION } from '../../shared/version.ts'
import type { SearchHit } from '../../shared/http-api/search.ts'

const { csv, jsonl } = EXPORT_FORMATS

/** A hit whose entry somebody wrote to Redis. */
function hitOf(fields: object): SearchHit | null {
  const recall = {
    group: 'g',
    messages: [{ seq: 1 }],
    recalledAtMs: 5,
    receivedAtMs: 6,
    v: VERSION,
    ...fields,
  }
  const notice = decodeEntry(JSON.stringify(recall), 7)
  return notice && { room: { feed: true }, epoch: 'e', notice }
}

describe('the lines of an export', () => {
  it('survive times that are none', () => {
    const hit = hitOf({ recalledAtMs: 9e15 })
    if (hit === null) throw new Error('it is read')
    expect(csv.recall(hit)).to.match(/^"recall",,"1970-01-01T00:00:00.006Z",/)
    expect(JSON.parse(jsonl.recall(hit))).to.include({ recalledAt: null })
  })

  it('hold no formula that a flag brings along', () => {
    for (const field of ['untimed', 'test']) expect(hitOf({ [field]: ['=HYPERLINK("x")'] })).to.equal(null)
    expect(hitOf({ untimed: true, test: true })).to.not.equal(null)
  })

  it('end with what the file is worth', () => {
    const last = (end: Partial<Parameters<typeof csv.end>[0]>) =>
      /^"end","([^"]*)"/.exec(csv.end({ complete: true, recalls: 2, keptSinceMs: 0, ...end }))?.[1]
    expect(last({})).to.equal('complete: 2 recalls, of what was received since 1970-01-01T00:00:00.000Z')
    expect(last({ keptSinceMs: null })).to.equal('complete: 2 recalls, nothing is stored')
    expect(last({ beyond: 'conversations' })).to.match(/Z; logs of conversations may reach back further$/)
    expect(last({ complete: false, unreadable: 3 })).to.match(
      /^incomplete: 2 recalls, 3 entries cannot be read, of what/,
    )
    expect(last({ complete: false, code: 'LOG_REPLACED' })).to.equal(
      'incomplete: 2 recalls, then LOG_REPLACED. Export again',
    )
    const end = {
      complete: false,
      recalls: 2,
      unreadable: 3,
      keptSinceMs: 0,
      beyond: 'conversations',
    } as const
    expect(JSON.parse(jsonl.end(end))).to.deep.equal({
      type: 'end',
      complete: false,
      recalls: 2,
      unreadable: 3,
      keptSince: '1970-01-01T00:00:00.000Z',
      beyond: 'conversations',
    })
  })
})
