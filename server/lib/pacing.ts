/** A change of the load is followed within about this time, so that neither a single long call nor a short pause counts. */
const AVERAGE_MS = 250
/**
 * The same once the event loop has had no pause for `SATURATED_AFTER_MS`: webhooks, which the provider sends once, wait behind
 * all else.
 */
const SATURATED_AVERAGE_MS = 30
/** Longer than most single calls, and two looks at the load. */
const SATURATED_AFTER_MS = 30
const SATURATED = 0.95
/** The load is looked at this often at most. */
const MIN_SAMPLE_MS = 20

interface PaceOptions {
  /** Up to this utilization of the event loop, nothing waits. */
  readonly relaxed: number
  /** From this one on, everything waits as long as it may. */
  readonly strained: number
}

/** What is known of the event loop, in ms since some start. */
interface EventLoop {
  readonly now: () => number
  /** For how long it has been at work. */
  readonly busyMs: () => number
}

const OWN_EVENT_LOOP: EventLoop = {
  now: () => performance.now(),
  busyMs: () => performance.eventLoopUtilization().active,
}

/** Returns for how much of its longest wait something should now wait for others, to share a batch with them: from 0 to 1. */
export type Pace = () => number

/**
 * Decides how long something that is cheaper in batches waits to be batched. While the process has time to spare, a wait would
 * save what nobody needs. The busier it is, the longer the waits: what is saved leaves room for all else, and the load settles
 * somewhat above `relaxed` instead of reaching the limit. Has no timer: the load is looked at when somebody asks.
 */
export function createPace(
  { relaxed, strained }: PaceOptions,
  { now, busyMs }: EventLoop = OWN_EVENT_LOOP,
): Pace {
  let [utilization, saturatedMs] = [0, 0]
  let [sampledAtMs, sampledBusyMs] = [now(), busyMs()]

  function sample(): void {
    const nowMs = now()
    const elapsedMs = nowMs - sampledAtMs
    if (elapsedMs >= 0 && elapsedMs < MIN_SAMPLE_MS) return
    const totalMs = busyMs()
    if (elapsedMs > 0) {
      const latest = Math.min(1, Math.max(0, (totalMs - sampledBusyMs) / elapsedMs))
      saturatedMs = latest > SATURATED ? saturatedMs + elapsedMs : 0
      const averageMs = saturatedMs > SATURATED_AFTER_MS ? SATURATED_AVERAGE_MS : AVERAGE_MS
      utilization += (1 - Math.exp(-elapsedMs / averageMs)) * (latest - utilization)
    }
    ;[sampledAtMs, sampledBusyMs] = [nowMs, totalMs]
  }

  return () => {
    sample()
    return Math.min(1, Math.max(0, (utilization - relaxed) / (strained - relaxed)))
  }
}
