import { PROCESS_ALIVE_MS, PROCESS_GONE_MS } from '../../../shared/limits.ts'
import type { Broker } from '../broker.ts'
import { MAX_GONE_HEARTBEATS, MAX_HEARTBEATS } from '../retention.ts'
import { withTimeout } from '../timeout.ts'
import { COMMAND_TIMEOUT_MS } from './connection/connection.ts'
import type { Connection } from './connection/connection.ts'
import type { Keys } from './keys.ts'
import { toArray, unexpectedReply } from './scripts.ts'
import type { Signer } from './signature.ts'

interface HeartbeatsDependencies {
  readonly commands: Connection['client']
  readonly keys: Keys
  readonly signer: Signer
  /** Called with how far the clock of this process is ahead of that of Redis, in ms. */
  readonly onClock?: ((aheadMs: number) => void) | undefined
}

type Heartbeats = Pick<Broker, 'heartbeat' | 'heartbeats'>

/** Writes and reads the heartbeats of processes. Redis provides the time, so that clocks of processes do not matter. */
export function createHeartbeats({ commands, keys, signer, onClock }: HeartbeatsDependencies): Heartbeats {
  return {
    async heartbeat(id, text) {
      const limits = [PROCESS_GONE_MS, MAX_HEARTBEATS, PROCESS_ALIVE_MS, MAX_GONE_HEARTBEATS]
      const sentAtMs = Date.now()
      const now = await withTimeout(
        COMMAND_TIMEOUT_MS,
        commands.recallHeartbeat(1, keys.heartbeats, id, signer.sign(text), ...limits),
      )
      // Redis read its clock about halfway.
      if (typeof now === 'number') onClock?.((sentAtMs + Date.now()) / 2 - now)
    },

    async heartbeats() {
      const reply = await withTimeout(
        COMMAND_TIMEOUT_MS,
        commands.recallHeartbeats(1, keys.heartbeats, PROCESS_GONE_MS),
      )
      return toHeartbeats(reply).map(({ id, ageMs, text }) => ({
        id,
        ageMs,
        text: signer.verify(text)?.text,
      }))
    },
  }
}

/** Parses `id, age in ms, text, id, age in ms, text …`. */
function toHeartbeats(reply: unknown) {
  const flat = toArray(reply)
  const heartbeats: { readonly id: string; readonly ageMs: number; readonly text: string }[] = []
  for (let i = 0; i < flat.length; i += 3) {
    const [id, ageMs, text] = [flat[i], flat[i + 1], flat[i + 2]]
    if (typeof id !== 'string' || typeof ageMs !== 'number' || typeof text !== 'string')
      throw unexpectedReply()
    heartbeats.push({ id, ageMs, text })
  }
  return heartbeats
}
