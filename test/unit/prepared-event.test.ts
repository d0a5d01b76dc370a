import { expect } from 'chai'
import { textFrame } from '../../server/realtime/rooms/prepared-event.ts'

/** The text of one frame, read as RFC 6455 says. */
function read(frame: Buffer): string {
  expect(frame[0], 'final, text').to.equal(0x81)
  const short = frame[1] ?? 0
  expect(short, 'not masked').to.be.lessThan(128)
  const [length, head] =
    short < 126
      ? [short, 2]
      : short === 126
        ? [frame.readUInt16BE(2), 4]
        : [Number(frame.readBigUInt64BE(2)), 10]
  expect(frame.length).to.equal(head + length)
  return frame.toString('utf8', head)
}

describe('a text frame', () => {
  for (const length of [0, 1, 125, 126, 127, 65_535, 65_536, 70_000]) {
    it(`holds ${length} bytes, in the shortest form`, () => {
      const text = 'x'.repeat(length)
      expect(read(textFrame(text))).to.equal(text)
      expect(textFrame(text).length - length).to.equal(length < 126 ? 2 : length < 65_536 ? 4 : 10)
    })
  }

  it('counts bytes, not characters', () => {
    const text = '群组🎉'.repeat(20)
    expect(read(textFrame(text))).to.equal(text)
  })
})
