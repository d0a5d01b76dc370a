import { expect } from 'chai'
import fc from 'fast-check'
import { codePoints, splitUnseen, visibleText } from '../../server/console/state/visible-text.ts'

/** Returns a text as a reader sees it: with marks in brackets. */
const seen = (text: string): string =>
  splitUnseen(text)
    .map((part) => (part.isUnseen ? `[${codePoints(part.text)}]` : part.text))
    .join('')

describe('names from outside', () => {
  it('show what a reader would not see, or be misled by', () => {
    const cases: Readonly<Record<string, string>> = {
      'rtl-\u202Eevil': 'rtl-[U+202E]evil',
      'lob\u200Bby': 'lob[U+200B]by',
      '\uFEFFlobby\u00AD': '[U+FEFF]lobby[U+00AD]',
      'a\u00A0b\u3000c d': 'a[U+00A0]b[U+3000]c d',
      ' lobby  ': '[U+0020]lobby[U+0020 U+0020]',
      'a\uFE0F': 'a[U+FE0F]',
      '\u3164': '[U+3164]',
      '\u{E0041}x': '[U+E0041]x',
      'a\n\u0000b': 'a[U+000A][U+0000]b',
    }
    for (const [text, expected] of Object.entries(cases)) expect(seen(text)).to.equal(expected)
  })

  it('look as they are if all of them is seen, emoji included', () => {
    for (const text of ['', 'lobby', '摄影 爱好者', 'لابی', '👨‍👩‍👧', '👍🏽', '1️⃣ ❤️', 'e\u0301'])
      expect(seen(text)).to.equal(text)
  })

  it('are whole in their parts, whatever they are', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const parts = splitUnseen(text)
        expect(parts.map((part) => part.text).join('')).to.equal(text)
        expect(parts.some((part) => part.text === '')).to.equal(false)
      }),
    )
  })

  it('reorder nothing around them where there is no markup', () => {
    expect(visibleText('alice')).to.equal('alice')
    expect(visibleText('rtl-\u202Eevil')).to.equal('\u2068rtl-‹U+202E›evil\u2069')
    expect(visibleText('אב')).to.equal('\u2068אב\u2069')
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(visibleText(text).slice(1, -1)).to.not.match(/[\p{Bidi_Control}]/u)
      }),
    )
  })
})
