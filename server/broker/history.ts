import { isRecord, isShallow, parseRecord } from '../../shared/json.ts'
import type { Notice } from '../../shared/notice.ts'
import type { Position } from '../../shared/position.ts'
import type { KeyedMessage, NumberedMessage } from '../../shared/message.ts'
import type { Recall } from '../../shared/recall.ts'
import { isReadableVersion, VERSION, versionIn } from '../../shared/version.ts'
import type { History } from './log-reading.ts'

/**
 * A recall as stored in a log: its JSON, without the offset, which the log knows. It is split around the list of messages,
 * so that a store can leave out known messages without parsing anything. `v` in it is the version that wrote it.
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
    tail: `],"v":${VERSION},${JSON.stringify(rest).slice(1)}`,
  }
}

export const joinEntry = (entry: EncodedEntry, messages: readonly string[]): string =>
  entry.head + messages.join(',') + entry.tail

/**
 * Returns the notice at this offset of a log. Null for text that no gateway wrote, because stores are not trusted, and for text
 * of a version that may mean anything: it must not pass for what this one would make of it.
 */
export function decodeEntry(text: string, offset: number): Notice | null {
  const value = parseRecord(text)
  if (value === undefined) return null
  const { v, ...recall } = value
  return isReadableVersion(v) && isRecall(recall) ? { ...recall, offset } : null
}

/** Returns the version of an entry that no version up to this one can read; undefined if that is not why it cannot be read. */
export function unreadableVersion(text: string): number | undefined {
  const version = versionIn(parseRecord(text)?.['v'])
  return version !== undefined && !isReadableVersion(version) ? version : undefined
}

/**
 * Returns the notices after `since`, or the reason why a log cannot give them. Pure, so that all brokers agree.
 * `entries` are those after `since.offset` that the log still holds, oldest first; null stands for an unreadable entry. With
 * another epoch, or beyond the end, a listener goes on after the offset `resume`, if the log knows it.
 */
export function historySince(
  since: Position,
  head: Position,
  entries: readonly (Notice | null)[],
  resume?: number,
): History {
  if (since.epoch !== head.epoch || since.offset < 0 || since.offset > head.offset)
    return {
      gap: 'epoch-changed',
      head,
      ...(resume !== undefined && { resume: { epoch: head.epoch, offset: resume } }),
    }
  if (since.offset === head.offset) return { notices: [], head }
  const notices: Notice[] = []
  for (const entry of entries) {
    if (entry === null) return { gap: 'unreadable', head }
    if (entry.offset !== since.offset + notices.length + 1) return { gap: 'trimmed', head }
    notices.push(entry)
  }
  return notices.length === 0 ? { gap: 'trimmed', head } : { notices, head }
}

function isRecall(value: Record<string, unknown>): value is Record<string, unknown> & Recall {
  return (
    isInOneConversation(value) &&
    isOptionalText(value['groupType']) &&
    isOptionalText(value['operator']) &&
    isOptionalText(value['sender']) &&
    isOptionalText(value['platform']) &&
    isOptionalText(value['address']) &&
    isOptionalMark(value['untimed']) &&
    isOptionalMark(value['test']) &&
    isNumber(value['recalledAtMs']) &&
    isNumber(value['receivedAtMs']) &&
    Array.isArray(value['messages']) &&
    value['messages'].every(value['group'] === undefined ? isKeyed : isNumbered) &&
    isShallow(value)
  )
}

function isInOneConversation({ group, topic, c2c, official }: Record<string, unknown>): boolean {
  if (group !== undefined)
    return (
      isName(group) && (topic === undefined || isName(topic)) && c2c === undefined && official === undefined
    )
  if (topic !== undefined) return false
  if (c2c === undefined) return isName(official)
  return official === undefined && Array.isArray(c2c) && c2c.length === 2 && c2c.every(isName)
}

/** Not with half a character, of which no name of a room can be made. */
const isName = (value: unknown): boolean => typeof value === 'string' && !/\p{Cs}/u.test(value)

const isNumbered = (value: unknown): value is NumberedMessage =>
  isRecord(value) &&
  Number.isSafeInteger(value['seq']) &&
  isOptionalText(value['id']) &&
  value['key'] === undefined

const isKeyed = (value: unknown): value is KeyedMessage =>
  isRecord(value) && isText(value['key']) && value['seq'] === undefined && value['id'] === undefined

/** Not one beyond all numbers, as `-1e999` is in JSON: metrics throw at it. */
const isNumber = (value: unknown): boolean => Number.isFinite(value)

const isText = (value: unknown): boolean => typeof value === 'string'

const isOptionalMark = (value: unknown): boolean => value === undefined || value === true

const isOptionalText = (value: unknown): boolean => value === undefined || isText(value)
