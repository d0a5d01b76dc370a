import { expect } from 'chai'
import { visible } from '../../server/cli/table.ts'
import { printable, visibleJson } from '../../shared/unseen.ts'

/** Turns, ends or hides text, takes a terminal's attention, or looks like nothing: one of each kind. */
const UNSEEN = [
  '\u202e',
  '\u2066',
  '\u200b',
  '\ufeff',
  '\u00ad',
  '\u2028',
  '\u009b',
  '\u007f',
  '\u034f',
  '\u115f',
  '\u3164',
  '\uffa0',
  '\u2800',
  '\ufe0f',
  '\u{e0041}',
  '\ud800',
]

describe('what is unseen in a text from outside', () => {
  it('is escaped in JSON, which says the same, and where a terminal shows it', () => {
    for (const character of UNSEEN) {
      const value = { name: `a${character}b "大家" é` }
      const json = visibleJson(value)
      expect(json).to.not.include(character)
      expect(json).to.match(/^[\u0020-\u007e\u00e9\u5927\u5bb6]*$/)
      expect(JSON.parse(json)).to.deep.equal(value)
      expect(visible(value.name)).to.not.include(character)
    }
    expect(visibleJson({ a: [1, '群组'] })).to.equal('{"a":[1,"群组"]}')
  })

  it('is escaped in what commands print, but for what parts lines and columns', () => {
    expect(printable('a\tb\n\u001B[8mhidden \u{E0041}中😀')).to.equal(
      'a\tb\n\\u001b[8mhidden \\udb40\\udc41中😀',
    )
  })
})
