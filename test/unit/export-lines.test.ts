import { expect } from 'chai'
import { EXPORT_FORMATS } from '../../server/api/export-lines.ts'
import { decodeEntry } from '../../server/broker/history.ts'
import { FEED } from '../../shared/room.ts'

const RECALL = { group: 'lobby', messages: [{ seq: 1 }], recalledAtMs: 1, receivedAtMs: 2 }

describe('an export', () => {
  const hitOf = (recall: object) => {
    const notice = decodeEntry(JSON.stringify(recall), 7)
    if (notice === null) throw new Error('not read')
    return { room: FEED, epoch: 'e', notice }
  }

  it('goes on past a time that is none', () => {
    const hit = hitOf({ ...RECALL, recalledAtMs: 1e300 })
    const line = JSON.parse(EXPORT_FORMATS.jsonl.recall(hit)) as Record<string, unknown>
    expect(line).to.include({ recalledAt: null, receivedAt: '1970-01-01T00:00:00.002Z' })
    expect(EXPORT_FORMATS.csv.recall(hit)).to.match(/^"recall",,"1970-01-01T00:00:00.002Z","group","lobby",/)
    const end = { complete: true, recalls: 1, keptSinceMs: -1e300 }
    expect(EXPORT_FORMATS.csv.end(end)).to.include('since a time that is none')
    expect(EXPORT_FORMATS.jsonl.end(end)).to.include('"keptSince":null')
  })

  it('begins no cell with a formula, wherever a spreadsheet splits the row', () => {
    const signs = ['=', '+', '-', '@', '＝', '＠']
    const names = signs.flatMap((sign) => [
      `${sign}cmd|'/c calc'!A0`,
      `x;${sign}cmd|'/c calc'!A0;`,
      `x; "${sign}1;`,
      `x;"";${sign}1`,
    ])
    for (const group of [...names, ...names.map((name) => `${name}${name}`)]) {
      const row = EXPORT_FORMATS.csv.recall(hitOf({ ...RECALL, group }))
      // As Excel does where semicolons separate cells: quotes that do not begin a cell mean nothing.
      for (const cell of row.split(';').slice(1)) expect(cell, row).to.not.match(/^[\s"]*[=+\-@＝＋－＠]/)
      expect(row).to.not.match(/(^|,)"?[=+\-@＝＋－＠]/)
      expect(row.replaceAll("'", ''), 'nothing else is changed').to.include(
        `"${group.replaceAll("'", '').replaceAll('"', '""')}"`,
      )
    }
    const plain = EXPORT_FORMATS.csv.recall(hitOf({ ...RECALL, group: 'a;b =c-d' }))
    expect(plain).to.include('"a;b =c-d"')
  })

  it('gets no time from Redis that is no number', () => {
    for (const name of ['recalledAtMs', 'receivedAtMs']) {
      const text = JSON.stringify({ ...RECALL, [name]: 123_456 })
      expect(decodeEntry(text, 1), name).to.include({ [name]: 123_456 })
      for (const time of ['1e999', '-1e999', '"1"', 'null'])
        expect(decodeEntry(text.replace('123456', time), 1), `${name} ${time}`).to.equal(null)
    }
  })

  it('gets nothing from Redis that is too deep to be written again', () => {
    const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)
    const withMore = (depth: number): string =>
      JSON.stringify(RECALL).replace('"seq":1', `"seq":1,"x":${nested(depth)}`)
    expect(decodeEntry(withMore(5), 1)).to.have.property('offset', 1)
    for (const text of [withMore(100_000), `{"x":${nested(100_000)},${JSON.stringify(RECALL).slice(1)}`])
      expect(decodeEntry(text, 1)).to.equal(null)
  })

  it('gets no conversation from Redis that has no name', () => {
    const { group: _group, ...rest } = RECALL
    const half = '\ud800'
    const key = [{ key: 'k' }]
    for (const [where, wrong] of [
      [{ group: 'g' }, { group: half }],
      [
        { group: 'g', topic: 't' },
        { group: 'g', topic: half },
      ],
      [
        { c2c: ['a', 'b'], messages: key },
        { c2c: ['a', half], messages: key },
      ],
      [
        { official: '@a', messages: key },
        { official: half, messages: key },
      ],
    ] as const) {
      expect(decodeEntry(JSON.stringify({ ...rest, ...where }), 1)).to.have.property('offset', 1)
      expect(decodeEntry(JSON.stringify({ ...rest, ...wrong }), 1)).to.equal(null)
    }
  })

  it('gets nothing from Redis that is no mark where a mark belongs', () => {
    const formula = ['=HYPERLINK("http://evil.example")', 'x']
    for (const name of ['untimed', 'test']) {
      expect(decodeEntry(JSON.stringify({ ...RECALL, [name]: formula }), 1), name).to.equal(null)
      expect(decodeEntry(JSON.stringify({ ...RECALL, [name]: true }), 1), name).to.include({ [name]: true })
    }
  })
})
