import { decodeAnnouncement } from '../../auth/announcements.ts'
import { revokedIn } from '../../auth/announcements.ts'
import type { Announcement } from '../../auth/announcements.ts'
import type { Revocations } from '../../auth/revocations.ts'
import type { Broker } from '../../broker/broker.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Session } from './session.ts'

/** This node's sessions, by user. */
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

  /** All users with their sessions, in the order in which they came. */
  users(): Iterable<readonly [userId: string, sessions: ReadonlySet<Session>]> {
    return this.#byUser
  }

  all(): Session[] {
    return [...this.#byUser.values()].flatMap((sessions) => [...sessions])
  }
}

interface AnnouncementDependencies {
  readonly sessions: Sessions
  readonly revocations: Revocations
  /** Drops a cached membership: of one user, or of the whole group. */
  readonly forgetMembership: (group: string, userId?: string) => void
  readonly log: Logger
}

/**
 * Applies announcements to the sessions of this node. `caughtUp` resolves once everything stored is known: nobody may connect
 * before.
 */
export function followAnnouncements(
  broker: Pick<Broker, 'onAnnouncement'>,
  dependencies: AnnouncementDependencies,
): { readonly caughtUp: Promise<void>; readonly stop: () => void } {
  const apply = (text: string, atMs: number): void => {
    const announcement = decodeAnnouncement(text)
    if (announcement) applyAnnouncement(announcement, atMs, dependencies)
    else log.error('announcement that this version does not know: update this process')
  }
  const { revocations, log } = dependencies
  revocations.isPending = true
  const stops: (() => void)[] = []
  const caughtUp = new Promise<void>((resolve) => {
    const onCaughtUp = (): void => {
      revocations.isPending = false
      resolve()
    }
    stops.push(
      broker.onAnnouncement('revocations', apply, onCaughtUp),
      broker.onAnnouncement('memberships', apply),
    )
  })
  return { caughtUp, stop: () => stops.forEach((stop) => stop()) }
}

function applyAnnouncement(
  announcement: Announcement,
  atMs: number,
  { sessions, revocations, forgetMembership }: AnnouncementDependencies,
): void {
  if (announcement.kind === 'revoked') {
    const { userId, untilMs } = announcement
    revocations.add(userId, revokedIn(announcement), untilMs, Date.now(), atMs)
    for (const session of sessions.of(userId)) session.applyRevocations()
    return
  }
  if (announcement.kind === 'returned') {
    revocations.giveBack(announcement.userId, revokedIn(announcement), announcement.ends, Date.now())
    return
  }
  const { group, userIds } = announcement
  if (userIds === undefined) forgetMembership(group)
  else for (const userId of userIds) forgetMembership(group, userId)
  const affected = userIds?.flatMap((userId) => sessions.of(userId)) ?? sessions.all()
  for (const session of affected) void session.recheckGroup(group)
}
