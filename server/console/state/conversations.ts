import { conversationOf, sortedPair } from '../../../shared/conversation.ts'
import type { Conversation } from '../../../shared/conversation.ts'
import { isIdentifier } from '../../../shared/identifier.ts'
import { isRecord } from '../../../shared/json.ts'
import { nameOf } from '../../../shared/message.ts'
import type { RecalledMessage } from '../../../shared/message.ts'
import { roomName } from '../../../shared/room.ts'
import { visibleText } from './visible-text.ts'

export const KINDS = ['group', 'c2c', 'official'] as const

/** The kinds of conversations. */
export type Kind = (typeof KINDS)[number]

export function kindOf({ c2c, official }: Conversation): Kind {
  if (c2c !== undefined) return 'c2c'
  return official === undefined ? 'group' : 'official'
}

/** Field by field, two of different kinds would be equal in what both lack. */
export const isSameConversation = (one: Conversation, other: Conversation): boolean =>
  roomName(conversationOf(one)) === roomName(conversationOf(other))

type AnyRecall = Conversation & {
  readonly messages: readonly RecalledMessage[]
  readonly recalledAtMs: number
}

/**
 * Returns a text that two recalls share if they are the same. Without when it was received: another receiver that was posted it too
 * may publish its own copy. Without the offset, which differs from room to room.
 */
export const identityOf = (recall: AnyRecall): string =>
  JSON.stringify([roomName(conversationOf(recall)), recall.recalledAtMs, recall.messages.map(nameOf)])

/** A conversation as plain text, for labels and titles. */
export function conversationText({ group, topic, c2c, official }: Conversation): string {
  if (c2c !== undefined) return c2c.map(visibleText).join(' · ')
  return [group ?? official, topic].flatMap((part) => (part === undefined ? [] : visibleText(part))).join(' ')
}

/** Returns the conversation that was stored as JSON; undefined if it is none. */
export function parseConversation(value: unknown): Conversation | undefined {
  if (!isRecord(value)) return undefined
  const { group, topic, c2c, official } = value
  if (Array.isArray(c2c)) {
    const [one, other] = c2c as readonly unknown[]
    return isName(one) && isName(other) && c2c.length === 2 ? { c2c: sortedPair([one, other]) } : undefined
  }
  if (official !== undefined) return isName(official) ? { official } : undefined
  if (!isName(group)) return undefined
  if (topic === undefined) return { group }
  return isName(topic) ? { group, topic } : undefined
}

const isName = (value: unknown): value is string => typeof value === 'string' && isIdentifier(value)
