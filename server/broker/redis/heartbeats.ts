import { HEARTBEAT_TTL_MS, MAX_HEARTBEATS } from '../broker.ts'
import type { Broker } from '../broker.ts'
import { withTimeout } from '../timeout.ts'
import { COMMAND_TIMEOUT_MS } from './connection/connection.ts'
import type { Connection } from './connection/connection.ts'
import type { Keys } from './keys.ts'
import { toArray, unexpected } from './scripts.ts'
import type { Signer } from './signature.ts'

interface HeartbeatsDependencies {
  readonly commands: Connection['client']
  readonly keys: Keys
  readonly signer: Signer
}

/** Writes and reads the heartbeats of processes. */
export function createHeartbeats({
  commands,
  keys,
  signer,
}: HeartbeatsDependencies): Pick<Broker, 'heartbeat' | 'heartbeats'> {
  return {
    async heartbeat(id, text) {
      const sealed = signer.sign(text)
      const rules = [HEARTBEAT_TTL_MS, MAX_HEARTBEATS]
      await withTimeout(COMMAND_TIMEOUT_MS, commands.recallHeartbeat(1, keys.reports, id, sealed, ...rules))
    },

    async heartbeats() {
      const reply = await withTimeout(
        COMMAND_TIMEOUT_MS,
        commands.recallHeartbeats(1, keys.reports, HEARTBEAT_TTL_MS),
      )
      return toReports(reply).flatMap(({ text, ...report }) => {
        const opened = signer.verify(text)
        return opened === null ? [] : [{ ...report, text: opened.text }]
      })
    },
  }
}

/** Reads `id, age in ms, text, id, age in ms, text …`. */
function toReports(reply: unknown) {
  const flat = toArray(reply)
  const reports: { readonly id: string; readonly ageMs: number; readonly text: string }[] = []
  for (let i = 0; i < flat.length; i += 3) {
    const [id, ageMs, text] = [flat[i], flat[i + 1], flat[i + 2]]
    if (typeof id !== 'string' || typeof ageMs !== 'number' || typeof text !== 'string') throw unexpected()
    reports.push({ id, ageMs, text })
  }
  return reports
}
