import { reasonOf } from '../../shared/errors.ts'
import { encodeHeartbeat } from './heartbeat-state.ts'
import type { Logger } from './logger.ts'
import type { OwnState } from './own-state.ts'

const HEARTBEAT_INTERVAL_MS = 1_000
/** Failures per warning: about once a minute. */
const FAILURES_PER_WARNING = 60

interface HeartbeatDependencies {
  readonly broker: { heartbeat(id: string, text: string): Promise<void>; reasons(): readonly string[] }
  readonly own: OwnState
  /** Called with whether the broker has accepted a heartbeat. */
  readonly onSent?: ((isAccepted: boolean) => void) | undefined
  readonly log: Logger
}

/**
 * Sends the state of this process to all processes, now and every second. Returns a function that stops it, and resolves once all
 * processes can know that this one has stopped.
 */
export function startHeartbeat({
  broker,
  own,
  onSent = () => undefined,
  log,
}: HeartbeatDependencies): () => Promise<void> {
  let failures = 0
  let sending: Promise<void> | undefined

  function send(isLast: boolean): Promise<void> {
    const sentMs = Math.floor(performance.now())
    const text = encodeHeartbeat({ ...own.read(), sentMs, ...(isLast && { stopping: true }) })
    return broker.heartbeat(own.id, text).then(
      () => {
        failures = 0
        onSent(true)
      },
      (error: unknown) => {
        onSent(false)
        const reason = broker.reasons()[0] ?? reasonOf(error)
        if (failures++ % FAILURES_PER_WARNING === 0) log.warn({ reason }, 'heartbeat not sent')
      },
    )
  }

  /** One at a time: a broker that does not reply gets no more to do. */
  function beat(): void {
    sending ??= send(false).finally(() => (sending = undefined))
  }

  beat()
  const timer = setInterval(beat, HEARTBEAT_INTERVAL_MS)
  timer.unref()
  return async () => {
    clearInterval(timer)
    await sending
    await send(true)
  }
}
