import { MAX_LINE_BYTES } from './lines.ts'

const LINE_BREAK = 10

/** Returns the lines of a file with their line breaks, one at a time. A longer one than any gateway writes comes in pieces. */
export async function* splitLines(chunks: AsyncIterable<Buffer | string>): AsyncGenerator<Buffer, void> {
  let pieces: Buffer[] = []
  let bytes = 0
  for await (const chunk of chunks) {
    let rest = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
    for (;;) {
      const end = rest.indexOf(LINE_BREAK) + 1
      if (end === 0 && bytes + rest.length <= MAX_LINE_BYTES) break
      const piece = rest.subarray(0, end || rest.length)
      yield pieces.length === 0 ? piece : Buffer.concat([...pieces, piece])
      pieces = []
      bytes = 0
      rest = rest.subarray(piece.length)
    }
    if (rest.length === 0) continue
    pieces.push(rest)
    bytes += rest.length
  }
  if (pieces.length > 0) yield Buffer.concat(pieces)
}
