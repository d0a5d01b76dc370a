import type { Conversation } from '../../../shared/conversation.ts'
import { roomName } from '../../../shared/room.ts'
import type { AnnouncementSubject } from '../broker.ts'
import type { RecordName } from '../records.ts'

/**
 * Builds every key and channel name that the gateway uses in Redis. All names of an app share one hash slot. Processes of
 * different versions meet at these names, so they never change: `reports` holds what the code calls heartbeats. Names with
 * another `area` are apart from those of the app, in the same slot.
 */
export function createKeys(prefix: string, app: string, area = '') {
  const base = `${prefix}:{${app}}${area}`
  const channelBase = `${base}:notices:`
  return {
    /**
     * Hash: epoch and last offset of a log, and which epoch it had before (`was`), up to which offset both agree (`from`). `chain` has
     * the link of the last entry, and where that is.
     */
    head: (room: string) => `${base}:head:${room}`,
    /** Stream: the entries of a log, with the offset as id, and the link of each. */
    log: (room: string) => `${base}:log:${room}`,
    /** Hash: when notices of a room were first told, by offset; only with `EVIDENCE_KEY`. */
    told: (room: string) => `${base}:told:${room}`,
    /** Sharded channel: each entry of a log, published when it is appended. */
    channel: (room: string) => channelBase + room,
    /** Sharded channel: the delivery probes of one process. */
    probe: (process: string) => `${base}:probe:${process}`,
    /** Sharded channel: questions to the process that answers to a name. */
    questions: (name: string) => `${base}:questions:${name}`,
    /** Sharded channel: the answers to the questions of one process. */
    answers: (process: string) => `${base}:answers:${process}`,
    /** Undefined for other channels. */
    roomOfChannel: (channel: string) =>
      channel.startsWith(channelBase) ? channel.slice(channelBase.length) : undefined,
    /** Stream: announcements to all processes. */
    announcements: (subject: AnnouncementSubject) => `${base}:announcements:${subject}`,
    /** Stream: records of processes. */
    records: (name: RecordName) => `${base}:records:${name}`,
    /** Hash: the latest heartbeat of each process, with its time. */
    heartbeats: `${base}:reports`,
    /** Hash: the marker of each process that has this data folder, or a copy of it; see `RecoverableBroker.mark`. */
    marker: (folder: string) => `${base}:marker:${folder}`,
    /**
     * Sorted set: each recalled message of a conversation, as its seq or as `key:<key>`, scored with the time of its last recall in
     * ms, and `ended`, scored with the time when the group was last dismissed; `dropped` has the same score once all until then has
     * been dropped.
     */
    recalled: (conversation: Conversation) => `${base}:recalled:${roomName(conversation)}`,
    /** Hash: the topics of a group that have a recalled set. */
    topics: (group: string) => `${base}:topics:${roomName({ group })}`,
  }
}

export type Keys = ReturnType<typeof createKeys>
