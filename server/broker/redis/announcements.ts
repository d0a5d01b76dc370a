import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from '../../telemetry/logger.ts'
import { ANNOUNCEMENTS_TTL_S, MAX_ANNOUNCEMENTS } from '../broker.ts'
import type {
  AnnouncementListener,
  AnnouncementSubject,
  Broker,
  RoomListener,
  Subscription,
} from '../broker.ts'
import { withTimeout } from '../timeout.ts'
import { COMMAND_TIMEOUT_MS } from './connection/connection.ts'
import type { Connection } from './connection/connection.ts'
import type { Keys } from './keys.ts'
import { toArray } from './scripts.ts'
import type { Signer } from './signature.ts'
import type { Subscriber } from './subscriber.ts'

/** Minimum pause between reads, so that a burst is read as a batch and seldom twice. */
const MIN_READ_INTERVAL_MS = 50
/** Reads this often anyway, in case a hint was lost or the subscription failed. */
const POLL_INTERVAL_MS = 30_000
/** Ids are server times, and the clocks of servers differ: after a failover a later id may be slightly smaller. */
const MAX_CLOCK_SKEW_MS = 60_000

interface AnnouncementsDependencies {
  readonly commands: Connection['client']
  readonly keys: Keys
  readonly signer: Signer
  readonly subscriber: Subscriber
  readonly log: Logger
}

type Announcements = Pick<Broker, 'announce' | 'onAnnouncement'>

/**
 * Sends and follows announcements. They are stored in a stream; a hint on a channel makes the other processes read it, so
 * that a lost hint only delays an announcement.
 */
export function createAnnouncements({
  commands,
  keys,
  signer,
  subscriber,
  log,
}: AnnouncementsDependencies): Announcements {
  async function read(subject: AnnouncementSubject, sinceMs: number): Promise<StoredAnnouncement[]> {
    const reply = await withTimeout(
      COMMAND_TIMEOUT_MS,
      commands.xrange(keys.announcements(subject), sinceMs, '+'),
    )
    return toAnnouncements(reply).map(({ id, text }) => ({ id, text: signer.verify(text)?.text }))
  }

  return {
    async announce(subject, text) {
      await withTimeout(
        COMMAND_TIMEOUT_MS,
        commands.recallAnnounce(
          2,
          keys.announcements(subject),
          keys.channel(hintRoomOf(subject)),
          signer.sign(text),
          MAX_ANNOUNCEMENTS,
          ANNOUNCEMENTS_TTL_S,
        ),
      )
    },

    onAnnouncement: (subject, listener) =>
      followAnnouncements(
        {
          read: (sinceMs) => read(subject, sinceMs),
          subscribe: (onHint) => subscriber.subscribe(hintRoomOf(subject), onHint),
          log,
        },
        listener,
      ),
  }
}

/** The room whose channel carries the hints; no real room has this name. */
const hintRoomOf = (subject: AnnouncementSubject): string => `announcements:${subject}`

interface StoredAnnouncement {
  /** `<ms since 1970>-<number>`. */
  readonly id: string
  /** Undefined without a valid signature. */
  readonly text: string | undefined
}

interface FollowDependencies {
  /** Returns the announcements since this time, oldest first. */
  readonly read: (sinceMs: number) => Promise<readonly StoredAnnouncement[]>
  /** Calls the listener when it is time to read. */
  readonly subscribe: (listener: RoomListener) => Promise<Subscription>
  readonly log: Logger
}

/** Calls `listener` once with each stored announcement and each new one. Returns a function that stops it. */
function followAnnouncements(
  { read, subscribe, log }: FollowDependencies,
  listener: AnnouncementListener,
): () => void {
  let seenIds = new Set<string>()
  let lastMs = 0
  let subscription: Subscription | undefined
  let isStopped = false
  let reading: Promise<void> | undefined
  let isRequested = false

  function requestRead(): void {
    isRequested = true
    reading ??= readWhileRequested().finally(() => (reading = undefined))
  }

  async function readWhileRequested(): Promise<void> {
    while (isRequested && !isStopped) {
      isRequested = false
      try {
        subscription ??= await subscribe({ onNotice: requestRead, onInterrupted: requestRead })
        if (isStopped) return subscription.leave()
        deliver(await read(Math.max(Date.now() - ANNOUNCEMENTS_TTL_S * 1_000, lastMs - MAX_CLOCK_SKEW_MS)))
      } catch (err) {
        log.debug({ err }, 'cannot read announcements, retrying later')
      }
      await delay(MIN_READ_INTERVAL_MS)
    }
  }

  function deliver(announcements: readonly StoredAnnouncement[]): void {
    const fresh = announcements.filter(({ id }) => !seenIds.has(id))
    // Older ids need not be remembered: the next read starts no earlier than this one.
    seenIds = new Set(announcements.map(({ id }) => id))
    for (const { id, text } of fresh) {
      const atMs = Number(id.split('-')[0])
      lastMs = Math.max(lastMs, atMs)
      if (text === undefined) log.error({ id }, 'announcement in Redis without a valid signature')
      else listener(text, atMs)
    }
  }

  const polling = setInterval(requestRead, POLL_INTERVAL_MS)
  polling.unref()
  requestRead()
  return () => {
    isStopped = true
    clearInterval(polling)
    subscription?.leave()
  }
}

/** Parses `[id, ['t', text]] …`; leaves out whatever no gateway wrote. */
function toAnnouncements(reply: unknown): { readonly id: string; readonly text: string }[] {
  return toArray(reply).flatMap((entry) => {
    const [id, fields] = toArray(entry)
    const [name, text] = toArray(fields)
    return typeof id === 'string' && name === 't' && typeof text === 'string' ? [{ id, text }] : []
  })
}
