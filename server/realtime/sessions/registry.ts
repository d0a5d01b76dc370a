import type { Session } from './session.ts'
import type { Announcement } from '../../auth/announcements.ts'
import type { Revocations } from '../../auth/revocations.ts'

/** The sessions of this node, by user. */
export class Sessions {
  readonly #byUser = new Map<string, Set<Session>>()

  add(userId: string, session: Session): void {
    const sessions = this.#byUser.get(userId) ?? new Set()
    this.#byUser.set(userId, sessions.add(session))
  }

  remove(userId: string, session: Session): void {
    const sessions = this.#byUser.get(userId)
    sessions?.delete(session)
    if (sessions?.size === 0) this.#byUser.delete(userId)
  }

  of(userId: string): Session[] {
    return [...(this.#byUser.get(userId) ?? [])]
  }

  all(): Session[] {
    return [...this.#byUser.values()].flatMap((sessions) => [...sessions])
  }
}

interface ObeyDependencies {
  readonly sessions: Sessions
  readonly revocations: Revocations
  /** Forgets what was answered of a membership: of one user, or of the whole group. */
  readonly forgetMembership: (group: string, userId?: string) => void
}

/** Does on this node what was announced to all of them. */
export function applyAnnouncement(
  announcement: Announcement,
  { sessions, revocations, forgetMembership }: ObeyDependencies,
): void {
  if (announcement.kind === 'revoked') {
    const { userId, group, topic, untilMs } = announcement
    const room = group === undefined ? undefined : { group, ...(topic !== undefined && { topic }) }
    revocations.add(userId, room, untilMs)
    for (const session of sessions.of(userId)) session.applyRevocations()
    return
  }
  const { group, userIds } = announcement
  if (userIds === undefined) forgetMembership(group)
  else for (const userId of userIds) forgetMembership(group, userId)
  const concerned = userIds?.flatMap((userId) => sessions.of(userId)) ?? sessions.all()
  for (const session of concerned) void session.recheckGroup(group)
}
