import { createHash } from 'node:crypto'
import { sortedPair } from '../../../shared/conversation.ts'
import { isRecord } from '../../../shared/json.ts'

/** Longer names are no identifiers of the provider's, and would only take memory. */
const MAX_LENGTH = 160

type Fields = Readonly<Record<string, unknown>>

/** Whose state a webhook is about, if it names no conversation. */
const USER_FIELDS = ['From_Account', 'To_Account', 'Operator_Account', 'Member_Account', 'UserID'] as const

/**
 * Returns the lane of a webhook, in which the backend gets them in order: that of its conversation, or else of its user, or else of
 * its command. A group and its topics share one.
 */
export function laneOf(command: string, fields: Fields): string {
  const { GroupId, From_Account: from, To_Account: to, Official_Account: official, Info: info } = fields
  if (isName(GroupId)) return named('group', GroupId)
  if (isName(official)) return named('official', official)
  if (isName(from) && isName(to)) return named('c2c', sortedPair([from, to]).join(' '))
  for (const field of USER_FIELDS) {
    const user = fields[field] ?? (isRecord(info) ? info[field] : undefined)
    if (isName(user)) return named('user', user)
  }
  return named('command', command)
}

const isName = (value: unknown): value is string => typeof value === 'string' && value !== ''

const named = (kind: string, name: string): string =>
  `${kind} ${name.length <= MAX_LENGTH ? name : createHash('sha256').update(name).digest('hex')}`
