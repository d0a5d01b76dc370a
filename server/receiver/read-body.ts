import type { IncomingMessage } from 'node:http'
import { GatewayError } from '../../shared/errors.ts'

/**
 * The body of a request, as it arrives. Rejects with BODY_TOO_LARGE as soon as it says, or turns out, to be larger, and
 * with BODY_UNREADABLE when it does not arrive whole or is encoded: bodies of webhooks never are.
 */
export function readBody(request: IncomingMessage, atMostBytes: number): Promise<Buffer> {
  const { 'content-length': announced = '0', 'content-encoding': encoding = 'identity' } = request.headers
  return new Promise((resolve, reject) => {
    if (Number(announced) > atMostBytes) return reject(new GatewayError('BODY_TOO_LARGE'))
    if (encoding.toLowerCase() !== 'identity') return reject(new GatewayError('BODY_UNREADABLE'))
    const chunks: Buffer[] = []
    let bytes = 0
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= atMostBytes) chunks.push(chunk)
      else reject(new GatewayError('BODY_TOO_LARGE'))
    })
    request.on('end', () => resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)))
    request.on('error', (cause) => reject(new GatewayError('BODY_UNREADABLE', undefined, { cause })))
  })
}
