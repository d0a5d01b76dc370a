import type { AnnouncementSubject } from '../broker.ts'
import { roomName } from '../../../shared/room.ts'
import type { Conversation } from '../../../shared/recall.ts'

/** Every name that the gateway uses in Redis is made here. All names of an app share one hash slot. */
export function createKeys(prefix: string, app: string) {
  const base = `${prefix}:{${app}}`
  const channelBase = `${base}:notices:`
  return {
    /** Hash: epoch and last offset of a log. */
    head: (room: string) => `${base}:head:${room}`,
    /** Stream: the entries of a log, with the offset as id. */
    log: (room: string) => `${base}:log:${room}`,
    /** Sharded channel: each entry as it is appended. */
    channel: (room: string) => channelBase + room,
    /** Sharded channel of one process, on which it hears its own probes. */
    probe: (process: string) => `${base}:probe:${process}`,
    roomOfChannel: (channel: string) => channel.slice(channelBase.length),
    /** Stream: what is told to all processes. */
    announcements: (subject: AnnouncementSubject) => `${base}:announcements:${subject}`,
    /** Hash: what each process tells of itself, with the time. */
    reports: `${base}:reports`,
    /** Sorted set: each recalled seq of a conversation, scored with the time of its recall in ms. */
    recalled: (conversation: Conversation) => `${base}:recalled:${roomName(conversation)}`,
  }
}

export type Keys = ReturnType<typeof createKeys>
