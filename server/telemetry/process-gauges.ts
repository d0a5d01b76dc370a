import { Counter, Gauge } from 'prom-client'
import type { Registry } from 'prom-client'
import type { ProcessState } from '../../shared/http-api.ts'
import { PREFIX } from './gauges.ts'

/** What a process is, and how much it may hold. */
export interface ProcessGauges {
  /** The version of the gateway. */
  readonly version: string
  readonly role: ProcessState['role']
  /** As in the status of all processes. */
  readonly id: string
  readonly isReady: () => boolean
  /** How long no webhook of the provider's has been answered with OK, since the latest or the start. */
  readonly silenceMs: () => number
  /** Limits of the settings; 0 for what the process does not have. */
  readonly limits: {
    readonly maxSockets: number
    readonly spoolMaxBytes: number
    readonly relayQueueMaxBytes: number
  }
}

/** Adds what an alert or a chart needs besides events: which process this is, its limits, and how busy it is. */
export function registerProcessGauges(
  registry: Registry,
  { version, role, id, isReady, silenceMs, limits }: ProcessGauges,
): void {
  const registers = [registry]
  const gauge = (name: string, help: string, value: number): void =>
    new Gauge({ name: `${PREFIX}${name}`, help, registers }).set(value)
  new Gauge({
    name: `${PREFIX}build_info`,
    help: 'always 1: the version, the role, the version of Node.js, and the id of the process in the status',
    labelNames: ['version', 'role', 'node', 'process'],
    registers,
  }).set({ version, role, node: process.version, process: id }, 1)
  new Gauge({
    name: `${PREFIX}ready`,
    help: '1 while the process can do its work, otherwise 0',
    registers,
    collect() {
      this.set(Number(isReady()))
    },
  })
  new Gauge({
    name: `${PREFIX}provider_silence_seconds`,
    help: 'time since a webhook of the provider was last answered with OK, or since the start; infinite without webhooks',
    registers,
    collect() {
      // The least over all processes is that of the app.
      this.set(role === 'node' ? Infinity : silenceMs() / 1_000)
    },
  })
  gauge('max_sockets', 'MAX_SOCKETS; 0 for a process that serves none', limits.maxSockets)
  gauge('spool_max_bytes', 'SPOOL_MAX_BYTES; 0 for a process without a spool', limits.spoolMaxBytes)
  gauge(
    'relay_queue_max_bytes',
    'RELAY_QUEUE_MAX_BYTES; 0 for a process without a relay',
    limits.relayQueueMaxBytes,
  )
  // A counter, so that any number of readers get the share of any time that they ask about.
  new Counter({
    name: `${PREFIX}event_loop_active_seconds_total`,
    help: 'time in which the event loop did not wait for anything; its rate is the utilization of the process',
    registers,
    collect() {
      this.reset()
      this.inc(performance.eventLoopUtilization().active / 1_000)
    },
  })
}
