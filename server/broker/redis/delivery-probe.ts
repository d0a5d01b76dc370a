import { randomUUID } from 'node:crypto'
import type { Logger } from '../../telemetry/logger.ts'

const PROBE_INTERVAL_MS = 1_000
/** A probe that is not back by then will not come. */
const PROBE_TIMEOUT_MS = 1_000
/** Without a probe for longer than this, nothing proves that notices arrive. */
const DEAF_AFTER_MS = 4_000
/** Failed probes in a row after which the command connection may be half open: it reports nothing then. */
const FAILURES_BEFORE_REBUILD = 3

interface ProberDependencies {
  /** Sends a probe on the way that notices go. Rejects when it cannot be sent. */
  readonly send: (probe: string) => Promise<unknown>
  /** Whether the subscription connection claims to stand. */
  readonly isListening: () => boolean
  /** Called for each probe that cannot be sent. */
  readonly onFailure: () => void
  readonly rebuildCommands: () => void
  readonly rebuildSubscriber: () => void
  readonly log: Logger
}

/**
 * Calls `then` when a probe has not come back in time. In two halves: when this process was too busy to look at what has
 * come, timers end before that is looked at, and one half is all that they can end.
 */
function giveUp(then: () => void): void {
  setTimeout(() => setTimeout(then, PROBE_TIMEOUT_MS / 2).unref(), PROBE_TIMEOUT_MS / 2).unref()
}

/**
 * Proves every second that what is published arrives here. A connection can look healthy and be deaf for hours: after a
 * failover that left it with the old server, or when its other end is gone without a word. What does not send is rebuilt
 * apart from what does not hear: a publish that fails says nothing about the subscription.
 */
export function createDeliveryProbe({
  send,
  isListening,
  onFailure,
  rebuildCommands,
  rebuildSubscriber,
  log,
}: ProberDependencies) {
  let timer: NodeJS.Timeout | undefined
  let awaited: { readonly probe: string; readonly came: () => void } | undefined
  let lastBackAtMs = -Infinity
  let failures = 0
  let isStopped = false

  async function probe(): Promise<void> {
    const text = randomUUID()
    const wasListening = isListening()
    const back = new Promise<boolean>((resolve) => {
      awaited = { probe: text, came: () => resolve(true) }
      giveUp(() => resolve(false))
    })
    try {
      await send(text)
    } catch {
      onFailure()
      if (++failures % FAILURES_BEFORE_REBUILD === 0) rebuildCommands()
      return
    }
    failures = 0
    if (await back) {
      lastBackAtMs = performance.now()
    } else if (wasListening && isListening()) {
      log.warn('subscription connection is deaf, connecting anew')
      rebuildSubscriber()
    }
  }

  function next(): void {
    if (isStopped) return
    // Jitter keeps the probes of many processes apart.
    const ms = PROBE_INTERVAL_MS * (0.75 + Math.random() / 2)
    timer = setTimeout(() => void probe().finally(next), ms)
    timer.unref()
  }

  return {
    async start(): Promise<void> {
      await probe().finally(next)
    },
    stop(): void {
      isStopped = true
      clearTimeout(timer)
    },
    /** A probe arrived on the subscription connection. */
    onProbe(text: string): void {
      if (awaited?.probe === text) awaited.came()
    },
    /** How long ago delivery was proved, in ms. */
    ageMs: (): number => performance.now() - lastBackAtMs,
    isDelivering: (): boolean => performance.now() - lastBackAtMs < DEAF_AFTER_MS,
  }
}
