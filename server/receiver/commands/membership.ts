import { isIdentifier } from '../../../shared/identifier.ts'

/** Who is not a member of a group any more; without users, nobody is: the group is gone. */
export interface MembershipEnd {
  readonly group: string
  readonly userIds?: readonly string[]
}

/**
 * What a webhook says of memberships that ended; undefined for every other command, and for a shape that is not the
 * documented one: these webhooks only make known sooner what would be noticed anyway.
 * Source: Group.CallbackAfterMemberExit and Group.CallbackAfterGroupDestroyed.
 */
export function toMembershipEnd(command: string, fields: Record<string, unknown>): MembershipEnd | undefined {
  const { GroupId: group, ExitMemberList: list } = fields
  if (typeof group !== 'string' || !isIdentifier(group)) return undefined
  if (command === 'Group.CallbackAfterGroupDestroyed') return { group }
  if (command !== 'Group.CallbackAfterMemberExit' || !Array.isArray(list)) return undefined
  const userIds = list.map(accountOf).filter((account) => account !== undefined)
  return userIds.length === 0 ? undefined : { group, userIds }
}

const accountOf = (item: unknown): string | undefined =>
  typeof item === 'object' &&
  item !== null &&
  'Member_Account' in item &&
  typeof item.Member_Account === 'string' &&
  isIdentifier(item.Member_Account)
    ? item.Member_Account
    : undefined
