import { expect } from 'chai'
import { parseEvidence } from '../../server/api/evidence-requests.ts'
import { parseSince } from '../../server/cli/since.ts'
import { fromField, toField } from '../../server/console/ui/field-time.ts'
import { parseInstant } from '../../shared/instant.ts'

/** Days that do not exist, times without a zone, and texts around a time: each engine makes another time of them, or none. */
const NO_TIMES = [
  '2026-02-30',
  '2026-02-30T10:00Z',
  '2026-11-31T10:00:00.000+08:00',
  '2026-13-01',
  '2026-11-27T10:00',
  '2026-11-27 10:00Z',
  '2026-11-27 (lobby)',
  '2026-11-27T25:00Z',
]

describe('times that people write', () => {
  it('are a day in UTC, or a time with its zone', () => {
    const startMs = Date.UTC(2026, 10, 27)
    expect(parseInstant('2026-11-27')).to.deep.equal({ startMs, lengthMs: 86_400_000 })
    for (const text of ['2026-11-27T00:00Z', '2026-11-27t00:00:00.000z', '2026-11-27T08:00+08:00'])
      expect(parseInstant(text), text).to.deep.equal({ startMs, lengthMs: 1 })
    expect(parseInstant('2028-02-29')?.startMs).to.equal(Date.UTC(2028, 1, 29))
    for (const text of NO_TIMES) expect(parseInstant(text), text).to.equal(undefined)
  })

  it('are refused by `tail` and for evidence if they are none, and never moved to another day', () => {
    const askedSince = (since: string) =>
      parseEvidence({ originalUrl: `/v1/evidence?${new URLSearchParams({ since }).toString()}` } as never)
        .sinceMs
    for (const text of NO_TIMES) {
      expect(() => parseSince(text, 0), text).to.throw('a time with its zone')
      expect(() => askedSince(text), text).to.throw('a time with its zone')
    }
    const atMs = Date.UTC(2026, 10, 27, 2)
    expect(parseSince('2026-11-27T10:00+08:00', 0)).to.deep.equal({ receivedSinceMs: atMs })
    expect(askedSince('2026-11-27T10:00+08:00')).to.equal(atMs)
    expect(parseSince('10m', 600_000)).to.deep.equal({ receivedSinceMs: 0 })
    expect(parseSince('2026-a:7', 0)).to.deep.equal({ position: { epoch: '2026-a', offset: 7 } })
  })

  it('are read in a field as it shows them', () => {
    const atMs = Date.UTC(2026, 10, 27, 10, 5)
    for (const isUtc of [true, false]) {
      expect(fromField(toField(atMs, { isUtc }), { isUtc })).to.equal(atMs)
      for (const text of ['2026-02-30', '2026-02-30 10:00', '2026-11-31 00:00', '', 'x'])
        expect(fromField(text, { isUtc }), text).to.equal(undefined)
    }
    expect(toField(atMs, { isUtc: true })).to.equal('2026-11-27 10:05')
  })
})
