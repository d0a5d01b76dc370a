import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises'
import { fullJitterMs } from '../../../shared/backoff.ts'
import { reasonOf } from '../../../shared/errors.ts'
import type { RecoverableBroker } from '../recoverable-broker.ts'
import type { Batch } from './copy-batches.ts'
import { isEnd } from './copy-lines.ts'
import { Refusals } from './refusals.ts'
import { createRestoring } from './restoring.ts'
import type { KeptRecall, RestoringDependencies } from './restoring.ts'
import { SlowStart } from './slow-start.ts'

/** Recalls published again together. New recalls wait for no more than these. */
const MAX_CONCURRENT_RECALLS = 64
/** At most so often: 2,000 recalls a second, besides new ones. */
const ROUND_INTERVAL_MS = 32
const MAX_RETRY_DELAY_MS = 2_000

interface RepublishingOptions {
  /** See `SlowStart`. */
  readonly initialWindow: number
}

type RepublishingDependencies = Omit<RestoringDependencies, 'refusals'> & {
  readonly broker: Pick<RecoverableBroker, 'endGroup'>
}

/**
 * Publishes again what the broker may have lost, oldest first, no faster than nodes can follow, and beside new recalls, which do
 * not wait. Ends of groups come first, so that nothing returns that ended with its group. What the broker still has is left alone.
 */
export function createRepublishing({ initialWindow }: RepublishingOptions, deps: RepublishingDependencies) {
  const { broker, copies, log } = deps
  const stopped = new AbortController()
  const slowStart = new SlowStart(initialWindow)
  const refusals = new Refusals()
  const restoring = createRestoring({ ...deps, refusals })
  /** The batches of which only recalls are left that the broker refuses, by their keys. */
  const refused = new Set<number>()
  /** How often a batch has failed, by its key: the others go first. */
  const failures = new Map<number, number>()
  /** The batches whose ends of groups were carried out since the latest loss, by their keys. */
  const ended = new Set<number>()
  let running: Promise<void> | undefined
  /** Ends a pause if more is lost. */
  let nudge = new AbortController()
  /** Counts the calls of `wake`: what was stored again until then may have been lost again. */
  let losses = 0
  let recovered = 0

  async function run(): Promise<void> {
    recovered = 0
    let failed = 0
    while (!stopped.signal.aborted && copies.lost().length > 0) {
      try {
        await pause(waitMs(copies.lost()), nudge.signal)
        await round()
        failed = 0
      } catch (error) {
        slowStart.failed()
        log.warn({ reason: reasonOf(error) }, 'cannot publish lost recalls again yet, retrying')
        await pause(fullJitterMs(failed++, { baseMs: 100, maxMs: MAX_RETRY_DELAY_MS }))
      }
    }
    for (const known of [failures, refusals, refused, ended]) known.clear()
    if (recovered > 0)
      log.error({ recalls: recovered }, 'Redis had lost recalls that it had confirmed, published again')
  }

  /** Returns how long until one of these can be tried, in ms. */
  function waitMs(batches: readonly Batch[]): number {
    const keys = batches.map(({ key }) => key)
    return keys.every((key) => refused.has(key)) ? refusals.waitMs(keys, performance.now()) : 0
  }

  /** Rejects if the broker does not store a batch now. */
  async function round(): Promise<void> {
    const seen = losses
    const isCurrent = (): boolean => losses === seen && !stopped.signal.aborted
    const lost = copies.lost()
    await endGroupsIn(lost, isCurrent)
    // One that fails holds up no other.
    const failuresOf = ({ key }: Batch): number => failures.get(key) ?? 0
    for (const batch of lost.toSorted((one, other) => failuresOf(one) - failuresOf(other))) {
      if (!isCurrent()) return
      if (waitMs([batch]) > 0) continue
      try {
        await restore(batch, isCurrent)
      } catch (error) {
        failures.set(batch.key, failuresOf(batch) + 1)
        throw error
      }
    }
  }

  /** Reads one batch in a turn of the event loop, so that others are served in between. */
  async function endGroupsIn(batches: readonly Batch[], isCurrent: () => boolean): Promise<void> {
    const ends = new Map<string, number>()
    const found = batches.filter((batch) => batch.ends > 0 && !ended.has(batch.key))
    for (const batch of found) {
      for (const { copy } of copies.read(batch))
        if (isEnd(copy)) ends.set(copy.ended, Math.max(copy.atMs, ends.get(copy.ended) ?? -Infinity))
      await turn()
    }
    for (const [group, atMs] of ends) {
      if (!isCurrent()) return
      await broker.endGroup(group, atMs)
    }
    if (isCurrent()) for (const { key } of found) ended.add(key)
  }

  async function restore(batch: Batch, isCurrent: () => boolean): Promise<void> {
    refused.delete(batch.key)
    const kept = copies.read(batch)
    const nowMs = performance.now()
    const recalls = kept.filter(
      (one): one is KeptRecall => !isEnd(one.copy) && refusals.isDue(batch.key, one.index, nowMs),
    )
    let failure: Error | undefined
    for (let done = 0; done < recalls.length; done += MAX_CONCURRENT_RECALLS) {
      if (!isCurrent()) return
      const some = recalls.slice(done, done + MAX_CONCURRENT_RECALLS)
      const oneFailure = await restoreSome(batch, some, isCurrent)
      failure ??= oneFailure
    }
    if (failure !== undefined) throw failure
    if (!isCurrent()) return
    if (refusals.has(batch.key)) {
      refused.add(batch.key)
      return
    }
    for (const { copy, index } of kept) if (isEnd(copy)) copies.replace(batch, index, copy)
    copies.restored(batch)
  }

  /**
   * Asks about all of them at once: only what is published can be too much for nodes. Resolves to why one was not stored;
   * rejects if the broker neither has any of them nor stores one.
   */
  async function restoreSome(
    batch: Batch,
    some: readonly KeptRecall[],
    isCurrent: () => boolean,
  ): Promise<Error | undefined> {
    const askedMs = performance.now()
    const { lacking, ...asked } = await restoring.lackingOf(batch, some)
    let { failure } = asked
    let isInVain = lacking.length + asked.failed === some.length
    if (lacking.length === 0 && isInVain && failure !== undefined) throw failure
    if (asked.failed < some.length) slowStart.confirmed([], Infinity, askedMs)
    await pause(askedMs + ROUND_INTERVAL_MS - performance.now())
    for (let done = 0; done < lacking.length;) {
      const piece = lacking.slice(done, done + (await allowed()))
      if (!isCurrent()) return failure
      const startedMs = performance.now()
      const { published, failed, failure: newFailure } = await restoring.restore(batch, piece)
      recovered += published
      failure ??= newFailure
      if (failed < piece.length) isInVain = false
      if (!isInVain) slowStart.confirmed(Array(published).fill(0), Infinity, startedMs)
      else if (failure !== undefined) throw failure
      done += piece.length
      await pause(startedMs + ROUND_INTERVAL_MS - performance.now())
    }
    return failure
  }

  /** Resolves to how many recalls may be published now: 1 or more. */
  async function allowed(): Promise<number> {
    for (;;) {
      const nowMs = performance.now()
      const count = Math.min(MAX_CONCURRENT_RECALLS, slowStart.allowed(0, nowMs))
      if (count > 0 || stopped.signal.aborted) return Math.max(1, count)
      await pause(slowStart.waitMs(nowMs), nudge.signal)
    }
  }

  async function pause(ms: number, nudged?: AbortSignal): Promise<void> {
    const signal = nudged ? AbortSignal.any([nudged, stopped.signal]) : stopped.signal
    if (ms > 0) await delay(ms, undefined, { signal }).catch(() => undefined)
  }

  return {
    /** Starts over with what is lost; as slowly as at first, unless it is perhaps the same loss: then nodes have stayed. */
    wake(isSame = false): void {
      losses++
      if (running === undefined || !isSame) slowStart.failed()
      restoring.forget()
      ended.clear()
      nudge.abort()
      nudge = new AbortController()
      running ??= run().finally(() => (running = undefined))
    },

    /** Resolves once nothing more is published. The rest is published after the next start. */
    async stop(): Promise<void> {
      stopped.abort()
      restoring.stop()
      await running
    },
  }
}
