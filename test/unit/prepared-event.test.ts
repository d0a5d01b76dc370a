import { expect } from 'chai'
import { textFrame } from '../../server/realtime/rooms/prepared-event.ts'

/** Decodes one frame as RFC 6455 specifies. */
function decode(frame: Buffer): string {
  expect(frame[0], 'final, text').to.equal(0x81)
  const length7 = frame[1] ?? 0
  expect(length7, 'unmasked').to.be.lessThan(128)
  const [length, header] =
    length7 < 126
      ? [length7, 2]
      : length7 === 126
        ? [frame.readUInt16BE(2), 4]
        : [Number(frame.readBigUInt64BE(2)), 10]
  expect(frame.length).to.equal(header + length)
  return frame.toString('utf8', header)
}

describe('text frame', () => {
  for (const length of [0, 1, 125, 126, 127, 65_535, 65_536, 70_000]) {
    it(`encodes ${length} bytes with the shortest header`, () => {
      const text = 'x'.repeat(length)
      expect(decode(textFrame(text))).to.equal(text)
      expect(textFrame(text).length - length).to.equal(length < 126 ? 2 : length < 65_536 ? 4 : 10)
    })
  }

  it('counts bytes, not characters', () => {
    const text = '群组🎉'.repeat(20)
    expect(decode(textFrame(text))).to.equal(text)
  })
})
