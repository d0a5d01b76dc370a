import { isAscii, isUtf8 } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { GatewayError } from '../../shared/errors.ts'
import { MAX_WEBHOOK_BYTES } from '../../shared/limits.ts'

/**
 * The body of a call that is refused without it gets this long to arrive, and is dropped: a connection that is cut in the middle of
 * one looks like a failing server to a proxy.
 */
const DROP_TIMEOUT_MS = 100

/**
 * Reads the raw body of a request. Rejects with BODY_TOO_LARGE as soon as the body is too large, or its declared length is,
 * and with BODY_UNREADABLE if it is incomplete or has a content encoding, which webhooks never have.
 */
export function readBody(request: IncomingMessage): Promise<Buffer> {
  const { 'content-length': declaredBytes = '0', 'content-encoding': encoding = '' } = request.headers
  return new Promise((resolve, reject) => {
    if (Number(declaredBytes) > MAX_WEBHOOK_BYTES) return reject(new GatewayError('BODY_TOO_LARGE'))
    if (!/^(identity)?$/i.test(encoding.trim()))
      return reject(
        new GatewayError('BODY_UNREADABLE', 'a Content-Encoding other than "identity" is not supported'),
      )
    const chunks: Buffer[] = []
    let bytes = 0
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= MAX_WEBHOOK_BYTES) return void chunks.push(chunk)
      chunks.length = 0
      reject(new GatewayError('BODY_TOO_LARGE'))
    })
    request.on('end', () => resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)))
    request.on('error', (cause) =>
      reject(new GatewayError('BODY_UNREADABLE', 'the connection ended before the body', { cause })),
    )
  })
}

/**
 * Drops the body of a request that is refused without it. Resolves to whether it has arrived: otherwise its rest could be mistaken
 * for the next request, and the connection must be closed.
 */
export async function dropBody(request: IncomingMessage): Promise<boolean> {
  if (request.complete || request.destroyed) return request.complete
  const { 'content-length': declaredBytes } = request.headers
  if (!(Number(declaredBytes) <= MAX_WEBHOOK_BYTES)) return false
  const ended = new AbortController()
  const end = (): void => ended.abort()
  request.once('end', end).once('error', end).once('close', end).resume()
  await delay(DROP_TIMEOUT_MS, undefined, { signal: ended.signal }).catch(() => undefined)
  return request.complete
}

/** Returns the text of a body, without a byte order mark. Throws WEBHOOK_MALFORMED if that would change what was sent. */
export function decodeBody(body: Buffer, contentType = ''): string {
  if (!isUtf8(body)) throw new GatewayError('WEBHOOK_MALFORMED', 'the body is not valid UTF-8')
  const charset = /charset\s*=\s*"?([^\s";]+)/i.exec(contentType)?.[1] ?? 'utf-8'
  if (!/^(utf-?8|(us-)?ascii)$/i.test(charset) && !isAscii(body))
    throw new GatewayError('WEBHOOK_MALFORMED', 'Content-Type names a charset other than UTF-8')
  const text = body.toString()
  return text.startsWith('\uFEFF') ? text.slice(1) : text
}
