import { reasonOf } from '../../../shared/errors.ts'
import { roomName } from '../../../shared/room.ts'
import type { Recall } from '../../../shared/recall.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Attempts } from './attempts.ts'
import type { Spool, Spooled } from './spool.ts'
import { SuspendedConversations } from './suspended.ts'
import type { Readable } from './suspended.ts'

/** They are held in memory. Further ones are set aside without a try of their own. */
const MAX_SUSPENDED = 10_000
/** Recalls among which one of another conversation is looked for. */
const MAX_LOOKED_AT = 200

/**
 * Stores what cannot be published where an operator finds it. `text` is the recall as it was spooled; `recall` is undefined if
 * that cannot be read. Resolves once it is on disk.
 */
export type SetAside = (
  entry: { readonly recall: Recall | undefined; readonly text: string },
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

  async function giveUp(entry: Spooled, reason: string, err?: unknown): Promise<void> {
    const { group, topic } = entry.recall ?? {}
    // The words of the broker's technology say what to mend.
    await setAside(entry, err === undefined ? reason : `${reason}: ${reasonOf(err)}`)
    await spool.remove([entry])
    suspended.remove(entry, 'given-up', performance.now())
    log.error({ group, topic, reason, err }, 'recall set aside in the quarantine')
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
     * one. That recall stays in the spool; published again, it changes nothing.
     */
    async passes(first: Readable): Promise<boolean> {
      const { lastError, stored } = attempts
      const name = roomName(first.recall)
      const other = spool
        .oldest(MAX_LOOKED_AT, (key) => key <= first.key || suspended.holds(key))
        .filter(isReadable)
        .find(({ recall }) => roomName(recall) !== name)
      if (other === undefined) return false
      await attempts.publish(other.recall)
      if (attempts.stored === stored) return false
      const { group, topic } = first.recall
      log.warn({ group, topic, err: lastError }, 'recall refused while others are stored, trying it apart')
      suspended.add(first, attempts.stored, performance.now())
      return true
    },
  }
}

export const isReadable = (entry: Spooled): entry is Readable => entry.recall !== undefined
