import { isRecord } from '../../../shared/json.ts'
import { ODD, textOf } from '../fields.ts'

/** Users who left a group; without users, the group was dismissed. */
export interface MembershipEnd {
  readonly group: string
  readonly userIds?: readonly string[]
}

/**
 * Returns the memberships that a webhook says have ended. Returns undefined for all other commands and for undocumented
 * shapes: cached memberships expire anyway, only later.
 * Source: Group.CallbackAfterMemberExit and Group.CallbackAfterGroupDestroyed.
 */
export function toMembershipEnd(command: string, fields: Record<string, unknown>): MembershipEnd | undefined {
  const { GroupId, ExitMemberList: members } = fields
  const group = textOf(GroupId)
  if (group === undefined || group === ODD) return undefined
  if (command === 'Group.CallbackAfterGroupDestroyed') return { group }
  if (command !== 'Group.CallbackAfterMemberExit' || !Array.isArray(members)) return undefined
  const userIds = members.map(accountOf).filter((account) => account !== undefined)
  return userIds.length === 0 ? undefined : { group, userIds }
}

const accountOf = (member: unknown): string | undefined => {
  const account = isRecord(member) ? textOf(member['Member_Account']) : undefined
  return account === ODD ? undefined : account
}
