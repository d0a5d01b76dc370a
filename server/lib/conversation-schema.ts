import Joi from 'joi'
import { sortedPair } from '../../shared/conversation.ts'
import { MAX_SEQS } from '../../shared/limits.ts'
import { identifier, UNSET } from './schema.ts'

/** What counts as absent in a request. */
type Absent = typeof UNSET

/** The two users of a conversation, in any order; returned in the order in which conversations have them. */
const pair = Joi.array()
  .items(identifier)
  .length(2)
  .custom((users: readonly [string, string]) => sortedPair(users))

/** The keys of a request that names a conversation. */
export const conversationKeys = (absent: Absent = UNSET) => ({
  group: identifier.empty(absent),
  topic: identifier.empty(absent),
  c2c: pair.empty(absent),
  official: identifier.empty(absent),
})

/** How messages of groups are named: whole numbers from 1. */
export const seqList = Joi.array().items(Joi.number().strict().integer().min(1)).min(1).max(MAX_SEQS)
/** How all others are. */
export const keyList = Joi.array().items(identifier).min(1).max(MAX_SEQS)

/** Exactly one conversation, or one of what `others` names. */
export const ofOneConversation = <T>(
  schema: Joi.ObjectSchema<T>,
  others: readonly string[] = [],
): Joi.ObjectSchema<T> => schema.xor('group', 'c2c', 'official', ...others).with('topic', 'group')

/** Messages of one conversation: `seqs` of a group, `keys` of any other. */
export const ofMessages = <T>(schema: Joi.ObjectSchema<T>): Joi.ObjectSchema<T> =>
  ofOneConversation(schema).xor('seqs', 'keys').with('seqs', 'group').without('keys', 'group')
