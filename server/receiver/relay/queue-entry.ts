import { isRecord } from '../../../shared/json.ts'
import type { RelayedRequest } from './relayed-request.ts'

/** A request as it waits on disk. */
export interface QueuedRequest {
  readonly request: RelayedRequest
  /** Its arrival number: requests of one lane are delivered in this order. */
  readonly order: number
  /** When it was put into the queue. */
  readonly queuedAtMs: number
}

const NEW_LINE = 0x0a
/** The first byte of a record in a journal, which must not occur in what a record holds. */
const RECORD_START = 0x1e

/** What stands before the body, as JSON. */
type Head = Omit<RelayedRequest, 'body' | 'contentType'> &
  Omit<QueuedRequest, 'request'> & {
    readonly contentType?: string
    /** Whether the body is in Base64: it contains what a record of a journal begins with. */
    readonly base64?: true
  }

/** Encodes a request: a line of JSON, and then the bytes of its body. */
export function encodeEntry({ request, order, queuedAtMs }: QueuedRequest): Buffer {
  const { body, contentType, ...rest } = request
  const isHidden = body.includes(RECORD_START)
  const head: Head = {
    ...rest,
    ...(contentType !== undefined && { contentType }),
    order,
    queuedAtMs,
    ...(isHidden && { base64: true }),
  }
  const text = Buffer.from(`${JSON.stringify(head)}\n`)
  return Buffer.concat([text, isHidden ? Buffer.from(body.toString('base64')) : body])
}

/** Returns undefined for what is no such entry, or of a version that writes it otherwise. */
export function decodeEntry(payload: Buffer): QueuedRequest | undefined {
  const end = payload.indexOf(NEW_LINE)
  const head = end === -1 ? undefined : parse(payload.subarray(0, end))
  if (head === undefined) return undefined
  const { id, command, lane, method, pathSuffix, query, contentType, forwarded, receivedAtMs } = head
  const isTraced = head.isTraced === true && { isTraced: true as const }
  const rest = payload.subarray(end + 1)
  // A part of what was read would keep all of that in memory.
  const body = head.base64 === true ? Buffer.from(rest.toString(), 'base64') : Buffer.from(rest)
  const own = { id, command, lane, method, pathSuffix, query, contentType, forwarded, body, receivedAtMs }
  return { request: { ...own, ...isTraced }, order: head.order, queuedAtMs: head.queuedAtMs }
}

function parse(text: Buffer): Head | undefined {
  try {
    const head: unknown = JSON.parse(text.toString())
    return isRecord(head) && isHead(head) ? head : undefined
  } catch {
    return undefined
  }
}

const TEXTS = ['id', 'command', 'lane', 'method', 'pathSuffix', 'query'] as const

const isHead = (head: Record<string, unknown>): head is Record<string, unknown> & Head =>
  TEXTS.every((name) => typeof head[name] === 'string') &&
  ['string', 'undefined'].includes(typeof head['contentType']) &&
  isRecord(head['forwarded']) &&
  Object.values(head['forwarded']).every((value) => typeof value === 'string') &&
  Number.isSafeInteger(head['order']) &&
  Number.isFinite(head['receivedAtMs']) &&
  Number.isFinite(head['queuedAtMs'])
