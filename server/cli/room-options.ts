import type { Command } from 'commander'
import { sortedPair } from '../../shared/conversation.ts'
import type { Conversation } from '../../shared/conversation.ts'
import { GatewayError } from '../../shared/errors.ts'
import { isIdentifier } from '../../shared/identifier.ts'
import { FEED, isFeed } from '../../shared/room.ts'
import type { Room } from '../../shared/room.ts'

export interface RoomOptions {
  readonly group?: string
  readonly topic?: string
  readonly c2c?: string
  readonly official?: string
}

/** Adds the options that name a conversation. */
export const withRoomOptions = (command: Command): Command =>
  command
    .option('--group <id>', 'a group, with its topics')
    .option('--topic <id>', 'only this topic of the group')
    .option('--c2c <id,id>', 'the conversation of these two users')
    .option('--official <id>', 'an official account')

/** Returns the conversation that the options name; undefined if they name none. Throws CONFIG_INVALID for more than one. */
export function conversationIn({ group, topic, c2c, official }: RoomOptions): Conversation | undefined {
  if ([group, c2c, official].filter((one) => one !== undefined).length > 1)
    throw invalid('name one conversation: --group, --c2c or --official')
  if (topic !== undefined && group === undefined) throw invalid("--topic needs --group, the topic's group")
  // An empty variable of a shell must not turn a topic into its whole group.
  if (![group, topic, official].every((name) => name === undefined || isIdentifier(name)))
    throw invalid('--group, --topic and --official must be printable text, not empty')
  if (c2c !== undefined) return { c2c: pairOf(c2c) }
  if (official !== undefined) return { official }
  if (group === undefined) return undefined
  return topic === undefined ? { group } : { group, topic }
}

/** Returns the room that the options name: without any, the feed. */
export const roomIn = (options: RoomOptions): Room => conversationIn(options) ?? FEED

/** Returns the two users that are written with a comma between them. Throws CONFIG_INVALID. */
export function pairOf(text: string): readonly [string, string] {
  const [one = '', other = '', ...more] = text.split(',')
  if (!isIdentifier(one) || !isIdentifier(other) || more.length > 0)
    throw invalid('--c2c must be two users, separated by a comma: --c2c alice,bob')
  return sortedPair([one, other])
}

/** Returns the parameters that name a room in the HTTP API. */
export function parametersOf(room: Room): URLSearchParams {
  if (isFeed(room)) return new URLSearchParams({ feed: 'true' })
  const { group, topic, c2c, official } = room
  if (c2c !== undefined) return new URLSearchParams(c2c.map((user): [string, string] => ['c2c', user]))
  if (official !== undefined) return new URLSearchParams({ official })
  return new URLSearchParams({ group, ...(topic !== undefined && { topic }) })
}

const invalid = (detail: string): GatewayError => new GatewayError('CONFIG_INVALID', detail)
