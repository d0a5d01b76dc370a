import { setImmediate as immediate } from 'node:timers/promises'
import { reasonOf } from '../../../shared/errors.ts'
import { roomName } from '../../../shared/room.ts'
import { conversationOf } from '../../../shared/conversation.ts'
import type { Recall } from '../../../shared/recall.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Attempts } from './attempts.ts'
import type { Spool, Spooled } from './spool.ts'
import { SuspendedConversations } from './suspended.ts'
import type { Readable } from './suspended.ts'

/** They are held in memory. Further ones are set aside without a try of their own. */
const MAX_SUSPENDED = 10_000
/** Recalls that are looked at in one turn of the event loop. */
const MAX_LOOKED_AT = 200
/** How long an entry must have been unreadable, in ms: a disk that fails for a moment returns it later. */
const UNREADABLE_MS = 5_000
/** Conversations of which a recall is tried at a time, to find out whether the broker stores any. */
const MAX_TRIED = 10

/** Which recalls behind the one that the broker refuses have been tried. */
interface Search {
  readonly firstKey: number
  /** There is nothing left to try up to this key. */
  lookedAtKey: number
  /** The conversations that have been tried. */
  readonly tried: Set<string>
}

/**
 * Stores what cannot be published where an operator finds it. `text` is the recall as it was spooled; `recall` is undefined if
 * that cannot be read. Resolves once it is on disk.
 */
export type SetAside = (
  entry: { readonly recall: Recall | undefined; readonly text: string; readonly raw?: Buffer },
  reason: string,
) => Promise<void>

interface SettingAsideDependencies {
  readonly attempts: Attempts
  readonly spool: Spool
  readonly setAside: SetAside
  readonly log: Logger
}

/**
 * Keeps recalls that cannot be stored from holding up the others. A recall that the broker refuses while it stores those of
 * other conversations is tried apart, with all of its conversation, and finally set aside. Methods reject when the disk fails.
 */
export function createSettingAside({ attempts, spool, setAside, log }: SettingAsideDependencies) {
  const suspended = new SuspendedConversations()
  let search: Search = { firstKey: 0, lookedAtKey: 0, tried: new Set() }
  /** The entries that could not be read the last time, by key, and since when. */
  let unreadable = new Map<number, number>()

  /** Throws unless what cannot be read was unreadable for a while. */
  function checkUnreadable(entries: readonly Spooled[]): void {
    const nowMs = performance.now()
    const keys = entries.filter((entry) => !isReadable(entry)).map(({ key }) => key)
    unreadable = new Map(keys.map((key) => [key, unreadable.get(key) ?? nowMs]))
    for (const sinceMs of unreadable.values())
      if (nowMs - sinceMs < UNREADABLE_MS)
        throw new Error('the spool returns something else than was written')
  }

  /** Whether an entry that could not be read can be read now. */
  const hasReturned = ({ key }: Spooled): boolean =>
    spool.oldest(1, (other) => other !== key, key).some(isReadable)

  /** Returns the first recall of some other conversations behind `first`, and of other ones the next time. */
  async function nextOthers(first: Readable): Promise<readonly Readable[]> {
    // All have been tried in vain: starts over, unless there were none.
    if (search.firstKey !== first.key || (search.lookedAtKey >= spool.newestKey() && search.tried.size > 0))
      search = { firstKey: first.key, lookedAtKey: first.key, tried: new Set() }
    const { tried } = search
    const own = roomName(first.recall)
    const others: Readable[] = []
    for (;;) {
      const page = spool.oldest(MAX_LOOKED_AT, suspended.holds, search.lookedAtKey + 1)
      for (const entry of page) {
        if (others.length === MAX_TRIED) return others
        search.lookedAtKey = entry.key
        if (!isReadable(entry)) continue
        const name = roomName(entry.recall)
        // Recalls of a suspended conversation may stand here that are not held yet: they come after those that are.
        if (name === own || tried.has(name) || suspended.has(entry.recall)) continue
        tried.add(name)
        others.push(entry)
      }
      if (others.length > 0 || page.length < MAX_LOOKED_AT) return others
      await immediate()
    }
  }

  async function giveUp(entry: Spooled, reason: string, err?: unknown): Promise<void> {
    // The words of the broker's technology say what to mend.
    await setAside(entry, err === undefined ? reason : `${reason}: ${reasonOf(err)}`)
    // The disk has just flushed something: if it was away until then, it returns the entry now.
    if (!isReadable(entry) && hasReturned(entry))
      throw new Error('the spool returns what it had not returned')
    await spool.remove([entry])
    suspended.remove(entry, 'given-up', performance.now())
    const where = entry.recall && conversationOf(entry.recall)
    log.error({ ...where, reason, err }, 'recall set aside in the quarantine')
  }

  return {
    /** Whether recalls of this one's conversation are tried apart. */
    isApart: (recall: Recall): boolean => suspended.has(recall),
    /** Whether this entry of the spool is tried apart. */
    holds: suspended.holds,
    size: (): number => suspended.size,
    /** Returns how long until the next try, in ms. */
    waitMs: (): number => suspended.waitMs(performance.now()),

    /** Takes out of a batch what must not hold up the rest. */
    async sort(entries: readonly Spooled[]): Promise<readonly Readable[]> {
      checkUnreadable(entries)
      const passing: Readable[] = []
      for (const entry of entries) {
        if (!isReadable(entry)) await giveUp(entry, 'the spool returned something else than was written')
        else if (!suspended.has(entry.recall)) passing.push(entry)
        else if (suspended.size < MAX_SUSPENDED) suspended.add(entry, attempts.stored, performance.now())
        else await giveUp(entry, 'too many recalls of its conversation cannot be stored')
      }
      return passing
    },

    /** Tries the first recall of each conversation that is due. */
    async retry(): Promise<void> {
      for (const entry of suspended.due(performance.now())) {
        if (await attempts.publish(entry.recall)) {
          await spool.remove([entry])
          suspended.remove(entry, 'stored', performance.now())
        } else if (suspended.failed(entry, attempts.stored, performance.now())) {
          await giveUp(entry, 'the broker refused this recall while it stored others', attempts.lastError)
        }
      }
    },

    /**
     * Puts the conversation of `first`, which the broker refuses, apart and returns true, if the broker stores a recall of another
     * one. A repeat proves nothing, because the broker has nothing to store then. Several conversations may be refused, so each
     * call tries other ones.
     */
    async passes(first: Readable): Promise<boolean> {
      const { lastReason: reason, stored } = attempts
      const others = await nextOthers(first)
      const outcomes = await Promise.all(others.map(({ recall }) => attempts.publish(recall)))
      await spool.remove(others.filter((_, i) => outcomes[i]))
      if (attempts.stored === stored) return false
      log.warn(
        { ...conversationOf(first.recall), reason },
        'recall refused while others are stored, trying it apart',
      )
      suspended.add(first, attempts.stored, performance.now())
      return true
    },
  }
}

export const isReadable = (entry: Spooled): entry is Readable => entry.recall !== undefined
