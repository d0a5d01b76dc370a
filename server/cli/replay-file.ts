import { createReadStream } from 'node:fs'
import { GatewayError, reasonOf } from '../../shared/errors.ts'
import { isRecord, parseRecord } from '../../shared/json.ts'
import { splitLines } from '../evidence/split-lines.ts'

/** A webhook in a file: one line. */
export interface StoredWebhook {
  /** Its number in the file, from 1. */
  readonly line: number
  readonly query: URLSearchParams
  readonly body: string | Buffer
  readonly contentType?: string
}

/** A line that is no webhook, such as one that was cut when a disk was full. */
export interface UnreadableLine {
  readonly line: number
  readonly problem: string
}

/** What can be sent as the value of a header. */
const HEADER_VALUE = /^[\t\x20-\x7e]*$/

/** A body has 256 KiB at most, in Base64 or as text in JSON. */
const MAX_LINE = 2 ** 20

/**
 * Reads webhooks from a file of JSON lines: `{"query": "CallbackCommand=…", "body": "…"}` or with an object as query or body, or
 * `bodyBase64`, as `quarantine show` prints them; or the body of a webhook alone, as it is posted. Empty lines are skipped. Throws
 * CONFIG_INVALID if the file cannot be read, or holds a line that is longer than any webhook.
 */
export async function* readWebhooks(path: string): AsyncGenerator<StoredWebhook | UnreadableLine> {
  const stream = createReadStream(path)
  let line = 0
  try {
    for await (const bytes of splitLines(stream)) {
      line++
      const text = bytes.toString('utf8').trim()
      if (text !== '') yield parseWebhook(text, line)
    }
  } catch (cause) {
    if (cause instanceof GatewayError) throw cause
    throw new GatewayError('CONFIG_INVALID', `cannot read ${path}: ${reasonOf(cause)}`, { cause })
  } finally {
    stream.destroy()
  }
}

function parseWebhook(text: string, line: number): StoredWebhook | UnreadableLine {
  const wrong = (problem: string): UnreadableLine => ({ line, problem })
  // It comes in pieces, of which one could look like a webhook.
  if (text.length > MAX_LINE)
    throw new GatewayError('CONFIG_INVALID', `line ${line} is longer than 1 MiB: is it a file of webhooks?`)
  const record = parseRecord(text)
  if (record === undefined) return wrong('is not an object in JSON')
  const { query, body, bodyBase64, contentType } = record
  // The body of a webhook names its command itself.
  if (query === undefined && body === undefined) {
    const { CallbackCommand: command } = record
    if (typeof command !== 'string') return wrong('has neither query and body, nor CallbackCommand')
    return { line, query: new URLSearchParams({ CallbackCommand: command, contenttype: 'json' }), body: text }
  }
  const parameters = queryOf(query)
  if (parameters === undefined) return wrong('has a query that is neither a text nor an object of texts')
  const bytes = bodyOf(body, bodyBase64)
  if (bytes === undefined) return wrong('has no body, or one that is nested too deeply')
  if (typeof contentType === 'string' && !HEADER_VALUE.test(contentType))
    return wrong('has a contentType that cannot be a header')
  return {
    line,
    query: parameters,
    body: bytes,
    ...(typeof contentType === 'string' && { contentType }),
  }
}

function queryOf(query: unknown): URLSearchParams | undefined {
  if (typeof query === 'string') return new URLSearchParams(query.replace(/^[^?]*\?/, ''))
  if (!isRecord(query)) return undefined
  const entries = Object.entries(query)
  if (!entries.every(([, value]) => typeof value === 'string' || typeof value === 'number')) return undefined
  return new URLSearchParams(entries.map(([name, value]): [string, string] => [name, String(value)]))
}

function bodyOf(body: unknown, base64: unknown): string | Buffer | undefined {
  if (typeof base64 === 'string') return Buffer.from(base64, 'base64')
  if (typeof body === 'string') return body
  if (!isRecord(body)) return undefined
  try {
    return JSON.stringify(body)
  } catch {
    // Parsing takes any depth, writing overflows the stack.
    return undefined
  }
}
