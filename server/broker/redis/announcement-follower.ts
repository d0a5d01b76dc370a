import { setTimeout as delay } from 'node:timers/promises'
import { fullJitterMs } from '../../../shared/backoff.ts'
import { isReadableVersion } from '../../../shared/version.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { AnnouncementListener, AnnouncementSubject, RoomListener, Subscription } from '../broker.ts'
import type { Failure } from './connection/failure.ts'
import { Outage } from './connection/outage.ts'
import type { LaterVersions } from './later-versions.ts'

/** Minimum pause between reads, so that a burst is read as a batch and seldom twice. */
const MIN_READ_INTERVAL_MS = 50
/** After a failure, the next attempt follows within this time. */
const RETRY_DELAY = { baseMs: 100, maxMs: 2_000 }
/** Reads this often anyway, in case a hint was lost. */
const POLL_INTERVAL_MS = 30_000
/** Ids are server times, and the clocks of servers differ: after a failover a later id may be slightly smaller. */
const MAX_CLOCK_SKEW_MS = 60_000

export interface StoredAnnouncement {
  /** Its server time in ms, and a number: `<ms>-<number>`. */
  readonly id: string
  /** Undefined without a valid signature. */
  readonly text: string | undefined
  /** The version that wrote it. */
  readonly version: number
}

interface FollowDependencies {
  /** Returns the announcements since this time, oldest first. */
  readonly read: (sinceMs: number) => Promise<readonly StoredAnnouncement[]>
  /** Calls the listener when it is time to read. */
  readonly subscribe: (listener: RoomListener) => Promise<Subscription>
  readonly explain: (error: unknown) => Failure
  readonly listener: AnnouncementListener
  readonly later: LaterVersions
  /** Called once, when everything stored has been passed to the listener. */
  readonly onCaughtUp: () => void
  readonly log: Logger
}

/** Calls `listener` once with each stored announcement and each new one. Returns a function that stops it. */
export function followAnnouncements(
  subject: AnnouncementSubject,
  { read, subscribe, explain, listener, later, onCaughtUp, log }: FollowDependencies,
): () => void {
  const outage = new Outage(
    {
      failed: 'cannot read announcements, retrying',
      restored: 'announcements read again',
      fields: { subject },
    },
    log,
  )
  let seenIds = new Set<string>()
  let lastMs = 0
  let failures = 0
  let hasCaughtUp = false
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
        await readOnce()
        failures = 0
      } catch (error) {
        if (isStopped) return
        outage.failed(explain(error))
        // A revocation that is not known yet lets somebody in: no hint may follow, so this is retried soon.
        isRequested = true
        await pause(fullJitterMs(failures++, RETRY_DELAY))
      }
      await pause(MIN_READ_INTERVAL_MS)
    }
  }

  async function readOnce(): Promise<void> {
    subscription ??= await subscribe({ onNotice: requestRead, onInterrupted: requestRead })
    if (isStopped) return subscription.leave()
    // From the beginning at first, not from a day ago: by the clock of this process, which the server's may be days behind.
    deliver(await read(Math.max(0, lastMs - MAX_CLOCK_SKEW_MS)))
    outage.ended()
    if (!hasCaughtUp) onCaughtUp()
    hasCaughtUp = true
  }

  function deliver(announcements: readonly StoredAnnouncement[]): void {
    const fresh = announcements.filter(({ id }) => !seenIds.has(id))
    // Older ids need not be remembered: the next read starts no earlier than this one.
    seenIds = new Set(announcements.map(({ id }) => id))
    for (const { id, text, version } of fresh) {
      if (text === undefined) {
        log.error({ subject, id }, 'announcement in Redis without a valid signature')
        continue
      }
      // Passed on all the same: access that is revoked too soon is better than access that is not.
      if (!isReadableVersion(version)) later.note(version, { subject, id })
      const atMs = Number(id.split('-')[0])
      // Only what was signed moves it, and never past the clock: an id in the future would hide all that follow.
      lastMs = Math.max(lastMs, Math.min(atMs, Date.now()))
      listener(text, atMs)
    }
  }

  const pause = (ms: number): Promise<void> => delay(ms, undefined, { ref: false })

  const polling = setInterval(requestRead, POLL_INTERVAL_MS)
  polling.unref()
  requestRead()
  return () => {
    isStopped = true
    clearInterval(polling)
    subscription?.leave()
  }
}
