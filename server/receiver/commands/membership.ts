import { isRecord } from '../../../shared/json.ts'
import { ODD, textOf, wholeNumberOf } from '../fields.ts'

/** Users who left a group; without users, the group was dismissed. */
export interface MembershipEnd {
  readonly group: string
  readonly userIds?: readonly string[]
  /** When the group was dismissed, in ms since 1970, by the clock of the provider if it says so. */
  readonly dismissedAtMs?: number
}

/**
 * Returns the memberships that a webhook says have ended. Returns undefined for all other commands and for undocumented
 * shapes: cached memberships expire anyway, only later.
 * Source: Group.CallbackAfterMemberExit and Group.CallbackAfterGroupDestroyed.
 */
export function toMembershipEnd(
  command: string,
  fields: Record<string, unknown>,
  receivedAtMs: number,
): MembershipEnd | undefined {
  const { GroupId, ExitMemberList: members, EventTime: time } = fields
  const group = textOf(GroupId)
  if (group === undefined || group === ODD) return undefined
  if (command === 'Group.CallbackAfterGroupDestroyed')
    return { group, dismissedAtMs: dismissedAt(time, receivedAtMs) }
  if (command !== 'Group.CallbackAfterMemberExit' || !Array.isArray(members)) return undefined
  const userIds = members.map(accountOf).filter((account) => account !== undefined)
  return userIds.length === 0 ? undefined : { group, userIds }
}

const accountOf = (member: unknown): string | undefined => {
  const account = isRecord(member) ? textOf(member['Member_Account']) : undefined
  return account === ODD ? undefined : account
}

/** 2001. What is earlier was not given in milliseconds. */
const MIN_TIME_MS = 1e12

/** Our clock may be behind by as much. What is later was not given in milliseconds either. */
const MAX_AHEAD_MS = 86_400_000

/**
 * It is compared with the times of recalls, which the provider gives by its own clock, so ours does not bound it. Without a
 * credible time, everything recalled until now was recalled before.
 */
function dismissedAt(time: unknown, receivedAtMs: number): number {
  const ms = wholeNumberOf(time, receivedAtMs + MAX_AHEAD_MS)
  return ms === ODD || ms < MIN_TIME_MS ? receivedAtMs : ms
}
