import type { Notice } from '../../shared/notice.ts'
import type { Recall, RecalledMessage } from '../../shared/recall.ts'
import type { Position } from '../../shared/position.ts'
import type { History } from './broker.ts'

/**
 * How a recall stands in a log: the JSON of the recall, without its offset, which the log knows. Split around the list
 * of messages, so that a log can leave out those it already has without parsing anything.
 */
export interface EncodedEntry {
  readonly head: string
  /** The JSON of each message, in the order of `recall.messages`. */
  readonly messages: readonly string[]
  readonly tail: string
}

export function encodeEntry(recall: Recall): EncodedEntry {
  const { messages, ...rest } = recall
  return {
    head: '{"messages":[',
    messages: messages.map((message) => JSON.stringify(message)),
    tail: `],${JSON.stringify(rest).slice(1)}`,
  }
}

export const joinEntry = (entry: EncodedEntry, messages: readonly string[]): string =>
  entry.head + messages.join(',') + entry.tail

/** The notice at this place of a log, or null for text that no gateway wrote: what stands in a store is not trusted. */
export function decodeEntry(text: string, offset: number): Notice | null {
  try {
    const value: unknown = JSON.parse(text)
    return isRecall(value) ? { ...value, offset } : null
  } catch {
    return null
  }
}

function isRecall(value: unknown): value is Recall {
  return (
    isObject(value) &&
    typeof value['group'] === 'string' &&
    isOptionalText(value['topic']) &&
    isOptionalText(value['groupType']) &&
    isOptionalText(value['operator']) &&
    isOptionalText(value['platform']) &&
    isOptionalText(value['address']) &&
    typeof value['recalledAtMs'] === 'number' &&
    typeof value['receivedAtMs'] === 'number' &&
    Array.isArray(value['messages']) &&
    value['messages'].every(isMessage)
  )
}

const isMessage = (value: unknown): value is RecalledMessage =>
  isObject(value) && Number.isSafeInteger(value['seq']) && isOptionalText(value['id'])

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null

const isOptionalText = (value: unknown): boolean => value === undefined || typeof value === 'string'

/**
 * What a log answers to one who stopped at `since`: pure, so that every broker gives the same answer.
 * `read` holds, oldest first, the entries after `since.offset` that the log still has; `null` stands for an entry that
 * could not be read.
 */
export function answerSince(since: Position, top: Position, read: readonly (Notice | null)[]): History {
  if (since.epoch !== top.epoch || since.offset > top.offset) return { gap: 'epoch-changed', head: top }
  if (since.offset === top.offset) return { notices: [], head: top }
  const notices: Notice[] = []
  for (const entry of read) {
    if (entry === null) return { gap: 'unreadable', head: top }
    if (entry.offset !== since.offset + notices.length + 1) return { gap: 'trimmed', head: top }
    notices.push(entry)
  }
  return notices.length === 0 ? { gap: 'trimmed', head: top } : { notices, head: top }
}
