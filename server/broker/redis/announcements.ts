import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from '../../telemetry/logger.ts'
import { ANNOUNCEMENTS_TTL_S, MAX_ANNOUNCEMENTS } from '../broker.ts'
import type { AnnouncementSubject, Broker, RoomListener, Subscription } from '../broker.ts'
import { withTimeout } from '../timeout.ts'
import { COMMAND_TIMEOUT_MS } from './connection/connection.ts'
import type { Connection } from './connection/connection.ts'
import type { Keys } from './keys.ts'
import { toArray } from './scripts.ts'
import type { Signer } from './signature.ts'
import type { Subscriber } from './subscriber.ts'

/** Where it is said that there are announcements: a name that no room has. */
const hintsOf = (subject: AnnouncementSubject): string => `announcements:${subject}`

/** So that many announcements are read together, and seldom twice. */
const MIN_READ_INTERVAL_MS = 50
/** In case the hint to look was lost, or the subscription could not be made. */
const CHECK_INTERVAL_MS = 30_000
/** Ids are times of servers whose clocks differ: after a failover a later one may be a little smaller. */
const CLOCKS_DIFFER_MS = 60_000

interface Kept {
  /** `<ms since 1970>-<number>`. */
  readonly id: string
  /** Undefined for what nobody with a key wrote. */
  readonly text: string | undefined
}

interface FollowDependencies {
  /** Reads what was announced since then, oldest first. */
  readonly read: (sinceMs: number) => Promise<readonly Kept[]>
  /** Says when to look. */
  readonly subscribe: (listener: RoomListener) => Promise<Subscription>
  readonly log: Logger
}

interface AnnouncementsDependencies {
  readonly commands: Connection['client']
  readonly keys: Keys
  readonly signer: Signer
  readonly subscriber: Subscriber
  readonly log: Logger
}

type Announcements = Pick<Broker, 'announce' | 'onAnnouncement'>

/** Sends announcements to all processes of the app and follows those of others. */
export function createAnnouncements({
  commands,
  keys,
  signer,
  subscriber,
  log,
}: AnnouncementsDependencies): Announcements {
  return {
    async announce(subject, text) {
      await withTimeout(
        COMMAND_TIMEOUT_MS,
        commands.recallAnnounce(
          2,
          keys.announcements(subject),
          keys.channel(hintsOf(subject)),
          signer.sign(text),
          MAX_ANNOUNCEMENTS,
          ANNOUNCEMENTS_TTL_S,
        ),
      )
    },

    onAnnouncement: (subject, listener) =>
      followAnnouncements(
        {
          read: async (sinceMs) => {
            const kept = await withTimeout(
              COMMAND_TIMEOUT_MS,
              commands.xrange(keys.announcements(subject), sinceMs, '+'),
            )
            return toAnnouncements(kept).map(({ id, text }) => ({
              id,
              text: signer.verify(text)?.text,
            }))
          },
          subscribe: (hints) => subscriber.subscribe(hintsOf(subject), hints),
          log,
        },
        listener,
      ),
  }
}

/** Tells `listener` each announcement that is kept, and then each as it comes, once. Answers how to stop. */
function followAnnouncements(
  { read, subscribe, log }: FollowDependencies,
  listener: (text: string, atMs: number) => void,
): () => void {
  let seen = new Set<string>()
  let lastMs = 0
  let subscription: Subscription | undefined
  let isStopped = false
  let running: Promise<void> | undefined
  let again = false

  function look(): void {
    again = true
    running ??= lookWhileAsked().finally(() => (running = undefined))
  }

  async function lookWhileAsked(): Promise<void> {
    while (again && !isStopped) {
      again = false
      try {
        subscription ??= await subscribe({ onNotice: look, onInterrupted: look })
        if (isStopped) return subscription.leave()
        tell(await read(Math.max(Date.now() - ANNOUNCEMENTS_TTL_S * 1_000, lastMs - CLOCKS_DIFFER_MS)))
      } catch (err) {
        log.debug({ err }, 'announcements could not be read, looking again later')
      }
      await delay(MIN_READ_INTERVAL_MS)
    }
  }

  function tell(kept: readonly Kept[]): void {
    const fresh = kept.filter(({ id }) => !seen.has(id))
    // Whatever was read before this is not read again.
    seen = new Set(kept.map(({ id }) => id))
    for (const { id, text } of fresh) {
      const atMs = Number(id.split('-')[0])
      lastMs = Math.max(lastMs, atMs)
      if (text === undefined) log.error({ id }, 'an announcement in Redis is not signed')
      else listener(text, atMs)
    }
  }

  const looking = setInterval(look, CHECK_INTERVAL_MS)
  looking.unref()
  look()
  return () => {
    isStopped = true
    clearInterval(looking)
    subscription?.leave()
  }
}

/** Reads `[id, ['t', text]] …`; leaves out what no gateway wrote. */
function toAnnouncements(reply: unknown): { readonly id: string; readonly text: string }[] {
  return toArray(reply).flatMap((entry) => {
    const [id, fields] = toArray(entry)
    const [name, text] = toArray(fields)
    return typeof id === 'string' && name === 't' && typeof text === 'string' ? [{ id, text }] : []
  })
}
