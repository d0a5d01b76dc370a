const FINAL_TEXT = 0x81

/** One whole WebSocket frame with this text, as a server sends it: not masked, not compressed. Source: RFC 6455, 5.2. */
export function textFrame(text: string): Buffer {
  const bytes = Buffer.byteLength(text)
  const head = headOf(bytes)
  const frame = Buffer.allocUnsafeSlow(head.length + bytes)
  frame.set(head)
  frame.write(text, head.length)
  return frame
}

function headOf(bytes: number): readonly number[] {
  if (bytes < 126) return [FINAL_TEXT, bytes]
  if (bytes < 65_536) return [FINAL_TEXT, 126, bytes >> 8, bytes & 255]
  return [FINAL_TEXT, 127, 0, 0, 0, 0, bytes >>> 24, (bytes >>> 16) & 255, (bytes >>> 8) & 255, bytes & 255]
}
