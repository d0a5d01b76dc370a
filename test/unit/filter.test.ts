import { expect } from 'chai'
import { FILTER_PROBLEMS, formatFilter, matches, parseFilter } from '../../shared/filter.ts'
import type { Filter } from '../../shared/filter.ts'
import type { Notice } from '../../shared/notice.ts'
import { toMemberNotice } from '../../shared/notice.ts'

const ID = '144115231234567890-1734567890-3221225472'

const LOBBY: Notice = {
  offset: 7,
  group: 'lobby',
  groupType: 'Public',
  operator: 'alice',
  messages: [{ seq: 129 }, { seq: 130, id: ID }],
  recalledAtMs: Date.parse('2026-11-27T10:00:00.500Z'),
  receivedAtMs: Date.parse('2026-11-27T10:00:01Z'),
}
const NEWS: Notice = { ...LOBBY, topic: '@TGS#_@TGS#c:1', operator: '-bot "x", y', groupType: 'Community' }
const C2C: Notice = {
  offset: 8,
  c2c: ['alice', 'bob'],
  sender: 'bob',
  messages: [{ key: '31_4242_1734567890' }],
  recalledAtMs: 1,
  receivedAtMs: 2,
}
const OFFICIAL: Notice = { ...C2C, c2c: undefined, sender: undefined as never, official: '@新闻', test: true }

function parsed(text: string): Filter {
  const result = parseFilter(text)
  if (!result.ok) throw new Error(`${result.term}: ${FILTER_PROBLEMS[result.problem]}`)
  return result.filter
}

/** Which of the four recalls the filter finds. */
const found = (text: string): string =>
  Object.entries({ LOBBY, NEWS, C2C, OFFICIAL })
    .filter(([, recall]) => matches(parsed(text), recall))
    .map(([name]) => name)
    .join(' ')

const canonical = (text: string): string => formatFilter(parsed(text))

function problem(text: string): string {
  const result = parseFilter(text)
  return result.ok ? 'none' : `${result.term} ${result.problem}`
}

describe('a filter', () => {
  const finds: Readonly<Record<string, string>> = {
    '': 'LOBBY NEWS C2C OFFICIAL',
    'group:lobby': 'LOBBY NEWS',
    'GROUP:lobby seq:130': 'LOBBY NEWS',
    'group:Lobby': '',
    'group:hall,lobby': 'LOBBY NEWS',
    '-group:lobby': 'C2C OFFICIAL',
    'topic:"@TGS#_@TGS#c:1"': 'NEWS',
    'operator:alice': 'LOBBY',
    '-operator:alice': 'NEWS C2C OFFICIAL',
    [String.raw`operator:"-bot \"x\", y"`]: 'NEWS',
    'sender:bob': 'C2C',
    'c2c:bob': 'C2C',
    'c2c:alice c2c:bob': 'C2C',
    'c2c:alice c2c:carol': '',
    'official:@新闻': 'OFFICIAL',
    'seq:130': 'LOBBY NEWS',
    'seq:200-210,100-129': 'LOBBY NEWS',
    'seq:131-140,1-128': '',
    '-seq:129': 'C2C OFFICIAL',
    [`msgid:${ID}`]: 'LOBBY NEWS',
    'key:31_4242_1734567890': 'C2C OFFICIAL',
    'kind:c2c,official': 'C2C OFFICIAL',
    '-kind:group': 'C2C OFFICIAL',
    'type:public': 'LOBBY',
    'is:test': 'OFFICIAL',
    '-is:test': 'LOBBY NEWS C2C',
    'recalled>=2026-11-27T10:00Z': 'LOBBY NEWS',
    'recalled>2026-11-27T10:00:00.500Z': '',
    'recalled<=2026-11-27T18:00:00.500+08:00': 'LOBBY NEWS C2C OFFICIAL',
    'recalled<2026-11-27': 'C2C OFFICIAL',
    'recalled<=2026-11-27': 'LOBBY NEWS C2C OFFICIAL',
    'received:>=2026-11-27 received<2026-11-28': 'LOBBY NEWS',
    OBB: 'LOBBY NEWS',
    '-obb': 'C2C OFFICIAL',
    'hall,LOB': 'LOBBY NEWS',
    '130': 'LOBBY NEWS',
    '13': '',
    [ID]: 'LOBBY NEWS',
    '31_4242_1734567890': 'C2C OFFICIAL',
    Bob: 'C2C',
    新闻: 'OFFICIAL',
    '"bot ""x"': '',
    [String.raw`"bot \"X\","`]: 'NEWS',
    '“-bot”': 'NEWS',
    'group：lobby　-topic:"@TGS#_@TGS#c:1"': 'LOBBY',
    'operator:eve，alice': 'LOBBY',
  }
  for (const [text, names] of Object.entries(finds)) {
    it(`finds ${names || 'nothing'} with ${text || 'no term'}`, () => {
      expect(found(text)).to.equal(names)
    })
  }

  it('finds for members by what they see', () => {
    const [whole, seen] = [LOBBY, toMemberNotice({ ...LOBBY, test: true })]
    for (const text of [
      'group:lobby',
      'seq:130',
      'recalled>=2026-11-27',
      ID,
      'kind:group',
      '-operator:alice',
    ])
      expect(matches(parsed(text), seen), text).to.equal(true)
    for (const text of ['operator:alice', 'alice', 'type:public', 'received>=2026-11-27', 'is:test'])
      expect([matches(parsed(text), seen), matches(parsed(text), { ...whole, test: true })]).to.deep.equal([
        false,
        true,
      ])
  })

  const spellings: Readonly<Record<string, string>> = {
    '  GROUP：a，b   Lobby ': 'group:a,b lobby',
    'key:1_2_3': 'msgid:1_2_3',
    'seq:5,1-2,3,5-9': 'seq:1-3,5-9',
    'recalled<=2026-11-27': 'recalled<2026-11-28T00:00Z',
    'recalled>2026-11-27T10:00:59.999Z': 'recalled>=2026-11-27T10:01Z',
    'recalled>=2026-11-27T10:00:05+08:00': 'recalled>=2026-11-27T02:00:05Z',
    '-"-x"': '-"-x"',
    '"group:x"': '"group:x"',
    'group:"lobby"': 'group:lobby',
    '"operator=alice"': '"operator=alice"',
    [String.raw`"a\b"`]: String.raw`a\b`,
    'group:a,a': 'group:a',
    [String.raw`"a \"b\" \\"`]: String.raw`"a \"b\" \\"`,
  }
  for (const [text, expected] of Object.entries(spellings))
    it(`is ${expected} when it is typed as ${text}`, () => {
      expect(canonical(text)).to.equal(expected)
    })

  const problems: Readonly<Record<string, string>> = {
    'lobby foo:bar': 'foo:bar unknown-key',
    '12:30': '12:30 unknown-key',
    'constructor:x': 'constructor:x unknown-key',
    'group>x': 'group>x unknown-key',
    'a<b': 'a<b unknown-key',
    'group:': 'group: no-value',
    'group:a,,b': 'group:a,,b no-value',
    'group:""': 'group:"" no-value',
    '-': '- no-value',
    'x "a b': '"a b open-quote',
    'lobby operator=alice': 'operator=alice no-colon',
    '-seq=130': '-seq=130 no-colon',
    'recalled=2026-11-27': 'recalled=2026-11-27 no-colon',
    'kind:room': 'kind:room not-a-kind',
    'is:real': 'is:real not-a-mark',
    'seq:0': 'seq:0 not-a-seq',
    'seq:9-3': 'seq:9-3 not-a-seq',
    'seq:9007199254740992': 'seq:9007199254740992 not-a-seq',
    'seq:1e2': 'seq:1e2 not-a-seq',
    'recalled:2026-11-27': 'recalled:2026-11-27 not-a-time',
    'recalled>=2026-11-27T10:00': 'recalled>=2026-11-27T10:00 not-a-time',
    'recalled>=2026-02-30': 'recalled>=2026-02-30 not-a-time',
    'received<9999-12-31': 'received<9999-12-31 not-a-time',
    'recalled>=': 'recalled>= not-a-time',
    'x\ud800': 'x\ud800 not-text',
  }
  for (const [text, expected] of Object.entries(problems))
    it(`names the term that is wrong in ${JSON.stringify(text)}`, () => {
      expect(problem(text)).to.equal(expected)
    })

  it('is bounded, as typed and as it is stored', () => {
    expect(problem('x'.repeat(1_000))).to.equal('none')
    expect(problem('x'.repeat(1_001))).to.match(/^x{40}… too-long$/)
    // Each becomes two characters in lower case.
    expect(problem('İ'.repeat(501))).to.match(/too-long$/)
    expect(problem('x '.repeat(50))).to.equal('none')
    expect(problem(`${'x '.repeat(50)}last`)).to.equal('last too-many-terms')
  })

  it('takes no longer for a recall of many messages and a term of many values', () => {
    const messages = Array.from({ length: 1_000 }, (_, i) => ({ seq: i + 1, id: `${i}` }))
    const seqs = Array.from({ length: 120 }, (_, i) => 2_000 + i * 2)
    const filter = parsed(
      `-seq:${seqs.join(',')} -msgid:${seqs
        .map((seq) => seq % 977)
        .join(',')
        .slice(0, 300)}x`,
    )
    const before = process.cpuUsage()
    for (let i = 0; i < 100; i++) expect(matches(filter, { ...LOBBY, messages })).to.equal(false)
    expect(process.cpuUsage(before).user / 1_000).to.be.lessThan(1_000)
  })
})
