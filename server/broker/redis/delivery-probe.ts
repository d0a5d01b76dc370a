import { randomUUID } from 'node:crypto'
import type { Logger } from '../../telemetry/logger.ts'

const PROBE_INTERVAL_MS = 1_000
/** While probes fail, so that the end of it is soon known. */
const RETRY_INTERVAL_MS = 500
/** A probe that has not arrived by then is lost. */
const PROBE_TIMEOUT_MS = 1_000
/** A reply that is given up this much later than that was waited for by a process that was blocked. */
const BLOCKED_MS = 100
/**
 * A proof counts for this long if the next one fails; a connection that is replaced at once need not worry anybody. The first
 * probe that fails is known to have failed 2.25 s after the last proof, at the latest.
 */
const PROOF_LIFETIME_MS = 2_000
/** Consecutive probes that cannot be sent before the command connection may be half open, which it does not report. */
const SEND_FAILURES_BEFORE_RECONNECT = 3

/** A probe that is under way. */
interface Pending {
  readonly probe: string
  onArrival: () => void
  giveUp: () => void
  /** Whether it was sent before the subscriptions were restored: that it does not arrive says nothing about them. */
  isObsolete: boolean
}

const noop = (): void => undefined

interface DeliveryProbeDependencies {
  /** Sends a probe along the path of the notices. Rejects when it cannot be sent. */
  readonly send: (probe: string) => Promise<unknown>
  /** Returns whether the subscription connection considers itself up. */
  readonly isSubscribed: () => boolean
  /** Called for each probe that cannot be sent. Returns whether another connection could help. */
  readonly onFailure: (error: unknown) => boolean
  readonly reconnectCommands: () => void
  readonly reconnectSubscriber: () => void
  /** Called with how long a probe has taken, in ms. */
  readonly onProved?: ((ms: number) => void) | undefined
  readonly log: Logger
}

/**
 * Proves every second that published messages arrive here. A connection can look healthy and deliver nothing for hours:
 * after a failover that left it on the old server, or when the other end vanished silently. The two connections are
 * replaced independently, because a probe that cannot be sent says nothing about the subscription.
 */
export function createDeliveryProbe({
  send,
  isSubscribed,
  onFailure,
  reconnectCommands,
  reconnectSubscriber,
  onProved,
  log,
}: DeliveryProbeDependencies) {
  let timer: NodeJS.Timeout | undefined
  let pending: Pending | undefined
  /** When the latest probe that arrived was sent. */
  let provedAtMs = -Infinity
  /** Whether the latest probe failed, rather than that none is due. */
  let hasFailed = false
  let failures = 0
  let isStopped = false

  async function sendProbe(): Promise<void> {
    const probe = randomUUID()
    const sentAtMs = performance.now()
    const wasSubscribed = isSubscribed()
    const own: Pending = { probe, onArrival: noop, giveUp: noop, isObsolete: false }
    const arrival = new Promise<boolean>((resolve) => {
      own.onArrival = () => resolve(true)
      own.giveUp = () => resolve(false)
    })
    afterProbeTimeout(own.giveUp)
    pending = own
    try {
      await send(probe)
    } catch (error) {
      // A process that was blocked gives up on the reply before it reads what has arrived.
      const wasBlocked = performance.now() - sentAtMs > PROBE_TIMEOUT_MS + BLOCKED_MS
      hasFailed = !(wasBlocked && (await arrival))
      if (!hasFailed) return void (provedAtMs = sentAtMs)
      const mayReconnect = onFailure(error)
      if (++failures % SEND_FAILURES_BEFORE_RECONNECT === 0 && mayReconnect) reconnectCommands()
      return
    }
    failures = 0
    hasFailed = !(await arrival)
    if (!hasFailed) {
      provedAtMs = sentAtMs
      onProved?.(performance.now() - sentAtMs)
    } else if (wasSubscribed && isSubscribed() && !own.isObsolete) {
      log.warn('subscription not delivering, reconnecting')
      reconnectSubscriber()
    }
  }

  function scheduleNext(): void {
    if (isStopped) return
    // Jitter keeps the probes of many processes apart.
    const ms = (hasFailed ? RETRY_INTERVAL_MS : PROBE_INTERVAL_MS) * (0.75 + Math.random() / 2)
    const isDue = pending?.isObsolete === true
    pending = undefined
    timer = setTimeout(sendNext, isDue ? 0 : ms).unref()
  }

  function sendNext(): void {
    timer = undefined
    void sendProbe().finally(scheduleNext)
  }

  return {
    async start(): Promise<void> {
      await sendProbe().finally(scheduleNext)
    },
    stop(): void {
      isStopped = true
      clearTimeout(timer)
    },
    /** To be called with each probe that arrives on the subscription connection. */
    onProbe(probe: string): void {
      if (pending?.probe === probe) pending.onArrival()
    },
    /**
     * To be called when all subscriptions have been restored. The next probe does not wait for its turn, and none is waited for
     * that was sent when nobody could hear it: until one arrives, this process is in doubt.
     */
    onSubscribed(): void {
      if (pending !== undefined) {
        pending.isObsolete = true
        pending.giveUp()
      } else if (timer !== undefined && !isStopped) {
        clearTimeout(timer)
        timer = setTimeout(sendNext, 0).unref()
      }
    },
    /** Returns how long ago the latest probe that arrived was sent, in ms. */
    ageMs: (): number => performance.now() - provedAtMs,
    /** See `Broker.isDelivering`. A process that was blocked, and could not probe, has no failed probe to show. */
    isDelivering: (): boolean =>
      provedAtMs !== -Infinity && !(hasFailed && performance.now() - provedAtMs > PROOF_LIFETIME_MS),
  }
}

/**
 * Calls `callback` after the probe timeout. Uses two timers in sequence: after the process was blocked, due timers run
 * before received data is read, and a single timer would give up on a probe that has already arrived.
 */
function afterProbeTimeout(callback: () => void): void {
  setTimeout(() => setTimeout(callback, PROBE_TIMEOUT_MS / 2).unref(), PROBE_TIMEOUT_MS / 2).unref()
}
