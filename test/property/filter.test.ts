import { expect } from 'chai'
import fc from 'fast-check'
import { formatFilter, matches, parseFilter } from '../../shared/filter.ts'
import type { ParsedFilter } from '../../shared/filter.ts'
import type { Notice } from '../../shared/notice.ts'

/** Texts that are nearly filters. */
const pieces = fc.constantFrom(
  ...Array.from('-"“\\:：,， \u3000<>=0\u202e\u200b\t𝒳İΣß'),
  ...'group topic: c2c: seq: is:test kind:c2c recalled received< key: >='.split(' '),
  ...'2026-11-27 T10:00 Z +08:00 130 1-3 @TGS#_ lobby =1+1 \ud800 \udc00'.split(' '),
)
const nearly = fc.array(fc.oneof({ weight: 5, arbitrary: pieces }, fc.string({ unit: 'grapheme' })), {
  maxLength: 24,
})
const name = fc.oneof(
  nearly.map((all) => all.join('')),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }),
)

const quoted = (value: string): string => `"${value.replace(/["“”\\]/g, String.raw`\$&`)}"`

const key = fc.constantFrom('', '-', 'group:', '-operator:', 'c2c:')
const terms = fc.array(fc.tuple(key, fc.array(name, { minLength: 1, maxLength: 3 })), { maxLength: 6 })
const text = fc.oneof(
  nearly.map((all) => all.join('')),
  terms.map((all) => all.map(([before, names]) => before + names.map(quoted).join()).join(' ')),
  fc.string({ unit: 'binary' }),
)

function noticeIn(group: string, operator: string): Notice {
  return { offset: 1, group, operator, messages: [{ seq: 1 }], recalledAtMs: 1, receivedAtMs: 1 }
}

function filterOf(result: ParsedFilter) {
  if (!result.ok) throw new Error(result.problem)
  return result.filter
}

describe('a filter, for any text', () => {
  it('is the same when it is written and read again, or names the term that is wrong', () => {
    const property = fc.property(text, (typed) => {
      const result = parseFilter(typed)
      if (!result.ok) {
        expect(typed).to.include(result.term.replace(/…$/, ''))
        return
      }
      const written = formatFilter(result.filter)
      expect(parseFilter(written)).to.deep.equal(result)
      expect(formatFilter(filterOf(parseFilter(written)))).to.equal(written)
    })
    fc.assert(property)
  })

  it('finds exactly the group that is named in quotes, whatever its name contains', () => {
    const property = fc.property(name, name, (group, other) => {
      fc.pre(group !== '' && group.length < 400 && !/\p{Cs}/u.test(group))
      const filter = filterOf(parseFilter(`group:${quoted(group)}`))
      expect(matches(filter, noticeIn(group, 'x'))).to.equal(true)
      expect(matches(filter, noticeIn(other, group))).to.equal(other === group)
    })
    fc.assert(property)
  })

  it('excludes exactly what it finds without the "-"', () => {
    const property = fc.property(text, name, name, (typed, group, operator) => {
      const [term = ''] = typed.split(/[\s-]/)
      const [found, excluded] = [parseFilter(term), parseFilter(`-${term}`)]
      fc.pre(found.ok && found.filter.terms.length === 1 && excluded.ok)
      const recall = noticeIn(group, operator)
      expect(matches(filterOf(excluded), recall)).to.equal(!matches(filterOf(found), recall))
    })
    fc.assert(property)
  })
})
