import { VERSION, versionIn } from '../../../shared/version.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { AnnouncementSubject, Broker } from '../broker.ts'
import { ANNOUNCEMENTS_TTL_S, MAX_ANNOUNCEMENTS } from '../retention.ts'
import { withTimeout } from '../timeout.ts'
import { followAnnouncements } from './announcement-follower.ts'
import type { StoredAnnouncement } from './announcement-follower.ts'
import { COMMAND_TIMEOUT_MS } from './connection/connection.ts'
import type { Connection } from './connection/connection.ts'
import { explain, isWrongType } from './connection/failure.ts'
import type { RedisMode } from './connection/address.ts'
import type { Keys } from './keys.ts'
import type { LaterVersions } from './later-versions.ts'
import { toArray } from './scripts.ts'
import type { Signer } from './signature.ts'
import type { Subscriber } from './subscriber.ts'

interface AnnouncementStoreDependencies {
  readonly commands: Connection['client']
  readonly keys: Pick<Keys, 'announcements' | 'channel'>
  readonly signer: Signer
  readonly log: Logger
}

/** Stores announcements in a stream and reads them; a hint on a channel makes the other processes read. */
function createAnnouncementStore({ commands, keys, signer, log }: AnnouncementStoreDependencies) {
  return {
    /** See `Broker.announce`. */
    async announce(subject: AnnouncementSubject, text: string): Promise<void> {
      const names = [keys.announcements(subject), keys.channel(hintRoomOf(subject))]
      const limits = [MAX_ANNOUNCEMENTS, ANNOUNCEMENTS_TTL_S, VERSION]
      const reply = await withTimeout(
        COMMAND_TIMEOUT_MS,
        commands.recallAnnounce(names.length, ...names, signer.sign(text), ...limits),
      )
      const [, wasReplaced] = toArray(reply)
      if (wasReplaced === 1)
        log.error({ subject }, 'announcements in Redis were unusable and have been replaced')
    },

    /** Returns the latest announcements since this time, oldest first. */
    async read(subject: AnnouncementSubject, sinceMs: number): Promise<StoredAnnouncement[]> {
      const reading = commands.xrevrange(
        keys.announcements(subject),
        '+',
        sinceMs,
        'COUNT',
        MAX_ANNOUNCEMENTS,
      )
      const reply = await withTimeout(COMMAND_TIMEOUT_MS, reading).catch((error: unknown) => {
        if (!isWrongType(error)) throw error
        // Lost, like a missing key. The next announcement replaces it.
        log.error({ subject }, 'announcements in Redis are unusable: their key has the wrong type')
        return []
      })
      return toAnnouncements(reply)
        .toReversed()
        .map(({ text, ...stored }) => ({ ...stored, text: signer.verify(text)?.text }))
    },
  }
}

interface AnnouncementsDependencies extends AnnouncementStoreDependencies {
  readonly subscriber: Pick<Subscriber, 'subscribe'>
  readonly mode: RedisMode
  readonly later: LaterVersions
}

interface Announcements extends Pick<Broker, 'announce' | 'onAnnouncement'> {
  /** Subjects that are followed and have not been read yet. */
  readonly unread: () => readonly AnnouncementSubject[]
}

/** Sends and follows announcements; see `Broker`. */
export function createAnnouncements(dependencies: AnnouncementsDependencies): Announcements {
  const { subscriber, mode, later, log } = dependencies
  const store = createAnnouncementStore(dependencies)
  const unread = new Map<object, AnnouncementSubject>()

  return {
    announce: store.announce,
    unread: () => [...unread.values()],
    onAnnouncement(subject, listener, onCaughtUp) {
      const follower = {}
      unread.set(follower, subject)
      const stop = followAnnouncements(subject, {
        read: (sinceMs) => store.read(subject, sinceMs),
        subscribe: (onHint) => subscriber.subscribe(hintRoomOf(subject), onHint),
        explain: (error) => explain(error, { mode }),
        listener,
        later,
        onCaughtUp: () => {
          unread.delete(follower)
          onCaughtUp?.()
        },
        log,
      })
      return () => {
        unread.delete(follower)
        stop()
      }
    },
  }
}

/** Never the name of a room. */
const hintRoomOf = (subject: AnnouncementSubject): string => `announcements:${subject}`

/**
 * Parses `[id, ['t', text, 'v', version]] …`; leaves out whatever no gateway wrote. The version is beside the text, because
 * version 1 refuses a text with keys that it does not know, and reads the first field only.
 */
export function toAnnouncements(
  reply: unknown,
): { readonly id: string; readonly text: string; readonly version: number }[] {
  return toArray(reply).flatMap((entry) => {
    const [id, fields] = toArray(entry)
    const [name, text, mark, named] = toArray(fields)
    const version = versionIn(mark === 'v' ? Number(named) : undefined)
    const isOurs = typeof id === 'string' && name === 't' && typeof text === 'string' && version !== undefined
    return isOurs ? [{ id, text, version }] : []
  })
}
