import { roomName } from '../../../shared/room.ts'
import type { CheckedDatabase } from './checked-database.ts'

/** Returns the rooms of a group, its own and those of its topics, whose names are keys of this database. */
export function roomsOfGroup(
  database: Pick<CheckedDatabase<unknown, string>, 'has' | 'keys'>,
  group: string,
): string[] {
  const own = roomName({ group })
  const topics = `topic:${own.slice('group:'.length)}:`
  // Names contain no character beyond ~.
  const ofTopics = database.keys({ start: topics, end: `${topics}\x7f` })
  return database.has(own) ? [own, ...ofTopics] : ofTopics
}
