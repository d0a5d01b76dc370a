import type { AnnouncementSubject } from '../broker.ts'
import { ANNOUNCEMENTS_TTL_S, MAX_ANNOUNCEMENTS } from '../retention.ts'
import { CheckedDatabase } from './checked-database.ts'
import type { CheckedOptions } from './checked-database.ts'
import { DATABASES } from './databases.ts'

export interface Announcements {
  readonly database: CheckedDatabase<Announcement, [string, number]>
  /** Only inside a transaction. */
  add(subject: AnnouncementSubject, announcement: Announcement): void
  /** Returns those that have not expired, oldest first. */
  current(subject: AnnouncementSubject, nowMs: number): Announcement[]
}

interface Announcement {
  readonly text: string
  readonly atMs: number
}

export function openAnnouncements(checked: CheckedOptions): Announcements {
  const database = new CheckedDatabase<Announcement, [string, number]>(
    'announcements',
    DATABASES.announcements,
    checked,
  )
  return {
    database,

    add(subject, announcement) {
      const [[, last] = [subject, 0]] = database.keys({
        start: [subject, Number.MAX_SAFE_INTEGER],
        end: [subject, 0],
        reverse: true,
        limit: 1,
      })
      database.putSync([subject, last + 1], announcement)
      database.removeSync([subject, last + 1 - MAX_ANNOUNCEMENTS])
    },

    current: (subject, nowMs) =>
      database
        .records({ start: [subject, 0], end: [subject, Number.MAX_SAFE_INTEGER] })
        .map(({ value }) => value)
        .filter(({ atMs }) => nowMs - atMs < ANNOUNCEMENTS_TTL_S * 1_000),
  }
}
