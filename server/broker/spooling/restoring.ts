import { asGatewayError, reasonOf } from '../../../shared/errors.ts'
import { roomName, roomsOf } from '../../../shared/room.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { RefusedError } from '../errors.ts'
import type { RecoverableBroker } from '../recoverable-broker.ts'
import type { Copies } from './copies.ts'
import type { Kept } from './copy-journal.ts'
import type { Batch } from './copy-batches.ts'
import type { RecallCopy } from './copy-lines.ts'
import { createEpochRenewal, isIncomplete } from './epoch-renewal.ts'
import type { Renewal } from './epoch-renewal.ts'
import type { Refusals } from './refusals.ts'
import type { SetAside } from './setting-aside.ts'

/** Enough for Redis to sync its append-only file, where that is waited for. */
const PUBLISH_TIMEOUT_MS = 2_500

export interface RestoringDependencies {
  readonly broker: Pick<RecoverableBroker, 'publish' | 'newEpoch' | 'publishedHeads' | 'lacks'>
  readonly copies: Copies
  readonly refusals: Refusals
  /** Counts the recalls that the broker has stored and that were new to it. */
  readonly stored: () => number
  /** To be called before something is sent; `confirmed`, once there is a copy of it. */
  readonly sending: () => { confirmed(): void }
  /** Called with each recall that the broker had lost indeed, and has stored again. */
  readonly onRecovered: () => void
  readonly setAside: SetAside
  readonly log: Logger
}

/** A recall that may be lost, and where its copy is. */
export type KeptRecall = Kept & { readonly copy: RecallCopy }

interface Outcome {
  /** How many were published again. */
  readonly published: number
  /** How many the broker has not stored, each for whatever reason. */
  readonly failed: number
  /** Why one was not stored, unless the broker refused it in particular. */
  readonly failure: Error | undefined
}

interface Lacking extends Omit<Outcome, 'published'> {
  readonly lacking: readonly KeptRecall[]
}

/**
 * Stores recalls again that the broker lacks, each with another epoch of the logs that have lost it, and keeps what is known of
 * them from then on. One that the broker refuses while it stores others is finally set aside.
 */
export function createRestoring({
  broker,
  copies,
  refusals,
  stored,
  sending,
  onRecovered,
  setAside,
  log,
}: RestoringDependencies) {
  const epochs = createEpochRenewal(broker, { log })

  async function restoreOne(batch: Batch, { copy, index }: KeptRecall, { after }: Renewal): Promise<number> {
    const sent = sending()
    const { recall } = copy
    const outcome = await broker.publish(recall, PUBLISH_TIMEOUT_MS, { immediately: true })
    // Now, so that another loss finds all positions.
    const positions = outcome.positions.map(({ position }) => position)
    settle(batch, index, withPositions(batch.isDoubtful ? withUnknown(copy) : copy, positions))
    sent.confirmed()
    if (outcome.duplicate) return 0
    onRecovered()
    await after(copy, outcome.positions)
    return 1
  }

  function settle(batch: Batch, index: number, copy?: RecallCopy): void {
    refusals.remove(batch.key, index)
    copies.replace(batch, index, copy)
  }

  /** Returns the error, unless the broker refuses this recall in particular. */
  async function judge(
    batch: Batch,
    { copy, index }: KeptRecall,
    error: unknown,
  ): Promise<Error | undefined> {
    if (!(error instanceof RefusedError) || !refusals.takes(batch.key, index)) return asGatewayError(error)
    if (!refusals.refused(batch.key, index, stored(), performance.now())) return undefined
    const { recall } = copy
    const reason = `Redis has lost this recall, and refuses to store it again while it stores others: ${reasonOf(error)}`
    await setAside({ recall, text: JSON.stringify(recall) }, reason)
    settle(batch, index)
    log.error({ room: roomName(recall), reason }, 'recall set aside in the quarantine')
    return undefined
  }

  return {
    /** Finds those that the broker lacks. The others are as safe as new ones, unless that cannot be found out. */
    async lackingOf(batch: Batch, some: readonly KeptRecall[]): Promise<Lacking> {
      const sent = sending()
      const results = await Promise.allSettled(some.map(({ copy }) => broker.lacks(copy.recall)))
      const failures: (Error | undefined)[] = []
      const lacking: KeptRecall[] = []
      for (const [i, one] of some.entries()) {
        const result = results[i]
        if (result?.status === 'rejected') failures.push(await judge(batch, one, result.reason))
        else if (result?.value === true) lacking.push(one)
        else {
          // Perhaps another receiver has stored it again, under another epoch.
          settle(batch, one.index, withUnknown(one.copy))
          sent.confirmed()
        }
      }
      return { lacking, ...summed(failures) }
    },

    /** Stores what the broker lacks. Rejects if it does not answer at all. */
    async restore(batch: Batch, lacking: readonly KeptRecall[]): Promise<Outcome> {
      const { isDoubtful } = batch
      const renewal = await epochs.before(lacking.map(({ copy }) => ({ copy, isDoubtful })))
      const results = await Promise.allSettled(
        lacking.map(async (one) => {
          for (const room of roomsOf(one.copy.recall)) {
            const failure = renewal.failures.get(roomName(room))
            if (failure !== undefined) throw failure
          }
          return await restoreOne(batch, one, renewal)
        }),
      )
      const failures: (Error | undefined)[] = []
      let published = 0
      for (const [i, result] of results.entries()) {
        if (result.status === 'fulfilled') {
          published += result.value
          continue
        }
        // It may have been stored nevertheless.
        batch.isDoubtful = true
        failures.push(await judge(batch, lacking[i] as KeptRecall, result.reason))
      }
      return { published, ...summed(failures) }
    },

    /** After another loss. */
    forget: epochs.forget,

    stop: epochs.stop,
  }
}

const summed = (failures: readonly (Error | undefined)[]): Omit<Outcome, 'published'> => ({
  failed: failures.length,
  failure: failures.find((one) => one !== undefined),
})

const withPositions = (
  { recall, confirmed }: RecallCopy,
  positions: RecallCopy['confirmed'][number],
): RecallCopy => ({ recall, confirmed: [...confirmed, positions] })

/** It may have been stored at positions that nobody noted: another loss has to know. */
const withUnknown = (copy: RecallCopy): RecallCopy => (isIncomplete(copy) ? copy : withPositions(copy, []))
