import { expect } from 'chai'
import { parseEvidenceEnd, searchFor, Tail } from '../../server/console/state/evidence.ts'
import { matches, parseFilter } from '../../shared/filter.ts'
import type { Notice } from '../../shared/notice.ts'

const HEAD = JSON.stringify({ head: { entries: 3, shown: 1, complete: true } })
const SIGNATURE = JSON.stringify({ signature: 's', key: '0123456789abcdef', publicKey: 'p' })

describe('evidence in the console', () => {
  it('is read from its end alone, however it arrives', () => {
    const tail = new Tail()
    const bytes = new TextEncoder().encode(`${'x'.repeat(100_000)}\n${HEAD}\n${SIGNATURE}\n`)
    for (let i = 0; i < bytes.length; i += 977) tail.add(bytes.subarray(i, i + 977))
    const end = { key: '0123456789abcdef', publicKey: 'p', entries: 3, shown: 1, problem: undefined }
    expect(parseEvidenceEnd(tail.text)).to.deep.equal(end)
  })

  it('is none without a signature at its end', () => {
    for (const text of [
      '',
      'x',
      `${HEAD}\n`,
      `${SIGNATURE}\n`,
      `${HEAD}\n${SIGNATURE.slice(0, -3)}`,
      '[]\n[]',
    ])
      expect(parseEvidenceEnd(text)).to.equal(undefined)
  })

  it('of one recall shows that recall', () => {
    const recall = { receivedAtMs: 1, recalledAtMs: 1, offset: 1 }
    const notices: readonly Notice[] = [
      { ...recall, group: 'g', messages: [{ seq: 130 }, { seq: 200 }] },
      { ...recall, c2c: ['a', 'b'], messages: [{ key: '1_2_3' }, { key: '"odd", key' }] },
      {
        ...recall,
        group: 'g',
        messages: Array.from({ length: 1_000 }, (_, i) => ({ seq: 10_000_000 + 7 * i })),
      },
      { ...recall, group: 'g', messages: Array.from({ length: 500 }, (_, i) => ({ seq: 10_000 + i })) },
    ]
    for (const notice of notices) {
      const parsed = parseFilter(searchFor(notice))
      expect(parsed.ok && matches(parsed.filter, notice)).to.equal(true)
    }
    expect(notices.map(searchFor)).to.deep.equal([
      'seq:130,200',
      'msgid:1_2_3,"\\"odd\\", key"',
      'recalled>=1970-01-01T00:00:00.001Z recalled<1970-01-01T00:00:00.002Z ' +
        'received>=1970-01-01T00:00:00.001Z received<1970-01-01T00:00:00.002Z',
      'seq:10000-10499',
    ])
  })
})
