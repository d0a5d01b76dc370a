import type { Heartbeat } from './processes.ts'

/** Half the interval of heartbeats. */
const MAX_AGE_MS = 500

/** Reads the heartbeats of all processes. Rejects like the broker, within about a second. */
export type ReadHeartbeats = () => Promise<readonly Heartbeat[]>

/** Reads them for all who ask in this process, at most twice a second and never twice at a time. */
export function createHeartbeatReader(broker: { heartbeats: ReadHeartbeats }): ReadHeartbeats {
  let latest: { readonly atMs: number; readonly heartbeats: readonly Heartbeat[] } | undefined
  let reading: Promise<readonly Heartbeat[]> | undefined

  async function read(): Promise<readonly Heartbeat[]> {
    const heartbeats = await broker.heartbeats()
    latest = { atMs: performance.now(), heartbeats }
    return heartbeats
  }

  return async () => {
    const passedMs = performance.now() - (latest?.atMs ?? -Infinity)
    if (latest === undefined || passedMs > MAX_AGE_MS)
      return await (reading ??= read().finally(() => (reading = undefined)))
    return latest.heartbeats.map((heartbeat) => ({ ...heartbeat, ageMs: heartbeat.ageMs + passedMs }))
  }
}
