import { fullJitterMs } from '../../../shared/backoff.ts'
import { GatewayError } from '../../../shared/errors.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { RedisMode } from './connection/address.ts'
import { refusalIn, replyIn, textOfFailure } from './connection/failure.ts'
import type { Failure } from './connection/failure.ts'
import { Outage } from './connection/outage.ts'
import type { Ability, Trial } from './trials.ts'

/** How often everything is tried while it works: rights and limits can change at any time. */
const CHECK_INTERVAL_MS = 10_000
/** While something is refused, the next trial follows within this time. */
const RETRY_DELAY = { baseMs: 250, maxMs: 1_000 }
/** A refusal that a trial cannot reproduce counts for this long, unless the same succeeds before. */
const REFUSAL_MEMORY_MS = 1_000
/** Keys that alone are refused keep nobody from the rest. They are remembered for this long after the latest refusal. */
const PARTIAL_MEMORY_MS = 60_000
/**
 * A process does its work without these, but others do not see its status, or it not theirs: a node then doubts delivery, as it
 * does not know what waits on the disks of receivers. Without its marker a receiver does not know what Redis has lost.
 */
const SECONDARY: readonly Ability[] = ['report heartbeats', 'read heartbeats', 'store markers']

/** Only rights differ by key. A server that is full, or a replica, refuses all of them. */
const mayBeAboutKeys = ({ code }: Failure): boolean => code === 'NOPERM'

interface AbilityCheckDependencies {
  readonly trials: readonly Trial[]
  readonly isConnected: () => boolean
  readonly mode: RedisMode
  /** Called after each complete round, also if something was refused. */
  readonly onRound: () => Promise<unknown>
  readonly log: Logger
}

interface Refusal {
  readonly failure: Failure
  /** Whether a trial was refused too: then trials also show the end. */
  readonly isReproduced: boolean
  readonly atMs: number
}

/**
 * Knows what Redis refuses. Tries everything on each new connection, every ten seconds, and again soon while something is
 * refused; learns of refused work at once.
 */
export function createAbilityCheck({ trials, isConnected, mode, onRound, log }: AbilityCheckDependencies) {
  const outage = new Outage(
    {
      failed: 'Redis refuses what the gateway needs',
      restored: 'Redis accepts everything again',
      level: 'error',
    },
    log,
  )
  const refusals = new Map<Ability, Refusal>()
  /** Refusals of work while the same was accepted elsewhere: they are about some keys only. */
  const partial = new Map<Ability, Pick<Refusal, 'failure' | 'atMs'>>()
  /** Work was refused as if for some keys only, and no trial has shown that since. */
  let isSuspicious = false
  let hasPassed = false
  let attempts = 0
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> | undefined
  let isStopped = false

  function refuse(ability: Ability, failure: Failure, isReproduced: boolean): void {
    refusals.set(ability, { failure, isReproduced, atMs: performance.now() })
    outage.failed(failure, { fields: { ability } })
  }

  /** It is accepted, on other keys than those that may have been refused. */
  function accept(ability: Ability): void {
    const refusal = refusals.get(ability)
    if (refusal === undefined) return
    // The secondary ones have one key each.
    if (!refusal.isReproduced && !SECONDARY.includes(ability)) partial.set(ability, refusal)
    refusals.delete(ability)
    if (refusals.size === 0) outage.ended()
  }

  function isPartial(ability: Ability, failure: Failure): boolean {
    const known = partial.get(ability)
    return known?.failure.code === failure.code && performance.now() - known.atMs < PARTIAL_MEMORY_MS
  }

  async function tryAll(): Promise<void> {
    isSuspicious = false
    for (const trial of trials) {
      if (isStopped || !isConnected()) return
      // Without a reply, the connection or the probe knows why, and more trials would only add to the load.
      if (!(await tryOne(trial))) return
    }
    if (![...refusals.keys()].some((ability) => !SECONDARY.includes(ability))) {
      hasPassed = true
      if (refusals.size === 0) attempts = 0
    }
    if (refusals.size === 0)
      for (const [ability, { failure }] of partial) if (!mayBeAboutKeys(failure)) partial.delete(ability)
    await onRound()
  }

  /** Returns whether Redis replied. */
  async function tryOne({ ability, run: tryOut }: Trial): Promise<boolean> {
    try {
      await tryOut()
    } catch (error) {
      const failure = replyIn(error, mode)
      if (failure === undefined || isStopped) return false
      refuse(ability, failure, true)
      partial.delete(ability)
      // One refusal can keep the others from being tried: after that of a replica, the connection is replaced.
      for (const [other, refusal] of refusals) refusals.set(other, { ...refusal, isReproduced: true })
      return true
    }
    const refusal = refusals.get(ability)
    if (refusal?.isReproduced || performance.now() - (refusal?.atMs ?? 0) > REFUSAL_MEMORY_MS) accept(ability)
    return true
  }

  function run(): Promise<void> {
    clearTimeout(timer)
    return (running ??= tryAll().finally(() => {
      running = undefined
      scheduleNext()
    }))
  }

  function scheduleNext(): void {
    clearTimeout(timer)
    if (isStopped) return
    const isWorking = hasPassed && attempts === 0 && refusals.size === 0 && !isSuspicious
    const ms = isWorking
      ? CHECK_INTERVAL_MS * (0.75 + Math.random() / 2)
      : fullJitterMs(attempts++, RETRY_DELAY)
    timer = setTimeout(() => void run(), ms).unref()
  }

  const describe = (isWanted: (ability: Ability) => boolean): string[] => {
    const abilities = new Map<string, Ability[]>()
    for (const [ability, { failure }] of refusals) {
      const text = textOfFailure(failure)
      if (isWanted(ability)) abilities.set(text, [...(abilities.get(text) ?? []), ability])
    }
    return [...abilities].map(([text, names]) => `cannot ${names.join(', ')}: ${text}`)
  }

  return {
    /** Tries everything now. Never rejects. */
    run,

    /** To be called for each new connection. While something is refused, the next trial is due soon anyway. */
    onConnected(): void {
      partial.clear()
      if (refusals.size > 0) return
      // A round under way began on the connection before.
      if (running !== undefined) isSuspicious = true
      void run()
    },

    /** To be called when work has failed. Counts at once, unless only some keys were refused of late: then a trial decides. */
    onFailure(ability: Ability, error: unknown): void {
      const failure = refusalIn(error, mode)
      if (failure === undefined || isStopped) return
      const atMs = performance.now()
      if (!refusals.has(ability) && isPartial(ability, failure)) {
        partial.set(ability, { failure, atMs })
        isSuspicious = true
      } else refuse(ability, failure, refusals.get(ability)?.isReproduced ?? false)
      if (running === undefined && attempts === 0) scheduleNext()
    },

    /** To be called when work has succeeded. */
    onSuccess(ability: Ability): void {
      if (refusals.size > 0 && refusals.get(ability)?.isReproduced === false) accept(ability)
    },

    /** Throws START_FAILED if this can never work: the server lacks commands. */
    rejectUnsupported(): void {
      const unsupported = [...refusals.values()].find(({ failure }) => failure.code === 'UNKNOWN_COMMAND')
      if (unsupported === undefined) return
      const reason = textOfFailure(unsupported.failure)
      throw new GatewayError('START_FAILED', `Redis does not support what is needed: ${reason}`)
    },

    hasPassed: () => hasPassed,

    /** Whether the server refuses writes because it is a replica. Then others may write to another one. */
    isReadOnly: () => [...refusals.values()].some(({ failure }) => failure.code === 'READONLY'),

    /** Returns what Redis refuses that the process needs for its work, and why. */
    reasons: () => describe((ability) => !SECONDARY.includes(ability)),

    /** Returns the refusals that leave the process able to do its work. */
    warnings: () => [
      ...describe((ability) => SECONDARY.includes(ability)),
      ...[...partial]
        .filter(([ability, { failure }]) => isPartial(ability, failure))
        .map(([ability, { failure }]) => `cannot ${ability} for some keys: ${textOfFailure(failure)}`),
    ],

    stop(): void {
      isStopped = true
      clearTimeout(timer)
    },
  }
}
