import type { HeartbeatState } from '../../server/telemetry/heartbeat-state.ts'

/** What a receiver reports that has done nothing yet. */
export const IDLE_RECEIVER: HeartbeatState = {
  role: 'receiver',
  startedAtMs: 1,
  ready: true,
  sockets: 0,
  rooms: 0,
  probeAgeMs: 5,
  reasons: [],
  warnings: [],
  counts: { webhooksOk: 0, webhooksRefused: 0, kept: 0, delivered: 0 },
  latencyMs: { p50: null, p99: null },
}
