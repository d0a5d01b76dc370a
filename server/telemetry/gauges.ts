import { Gauge } from 'prom-client'
import type { Registry } from 'prom-client'
import type { DeliveryState, PowerCutLoss, ProcessState, RelayState } from '../../shared/http-api.ts'
import { PROBLEMS } from './health-rules.ts'
import type { FoundProblem } from './health-rules.ts'

/** Of the names of all our metrics. */
export const PREFIX = 'recall_gateway_'

/** Values that are read on demand. */
export interface Gauges {
  readonly sockets: () => number
  /** Of the sockets, the streams of server-sent events. */
  readonly streams: () => number
  readonly rooms: () => number
  /** Bytes buffered for the slowest socket. */
  readonly maxBufferedBytes: () => number
  readonly memory: () => NonNullable<ProcessState['memory']>
  readonly probeAgeMs: () => number
  /** Undefined for a process that serves no sockets. */
  readonly delivery: () => DeliveryState | undefined
  /** Requests in the quarantine; undefined without one. */
  readonly quarantined: () => number | undefined
  /** Undefined without a relay. */
  readonly relay: () => RelayState | undefined
  /** See `Broker.powerCut`. */
  readonly powerCut: () => PowerCutLoss
  /** Undefined without a spool. */
  readonly spoolDepth: () => NonNullable<ProcessState['spool']> | undefined
  /** Copies of confirmed recalls; undefined without a spool. */
  readonly copies: () =>
    { readonly recalls: number; readonly bytes: number; readonly unwritten: number } | undefined
}

/** Adds a gauge for each value, which is read when the registry is. */
export function registerGauges(
  registry: Registry,
  {
    sockets,
    streams,
    rooms,
    maxBufferedBytes,
    memory,
    probeAgeMs,
    delivery,
    spoolDepth,
    copies,
    quarantined,
    relay,
    powerCut,
  }: Gauges,
): void {
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name: `${PREFIX}${name}`,
      help,
      registers: [registry],
      collect() {
        this.set(read())
      },
    })
  gauge('sockets', 'sockets and streams on this node', sockets)
  gauge('streams', 'streams of server-sent events on this node, which count as sockets too', streams)
  gauge('rooms', 'rooms with sockets on this node', rooms)
  gauge('most_waiting_bytes', 'bytes buffered for the slowest socket of this node', maxBufferedBytes)
  gauge('memory_waiting_bytes', 'memory taken by what waits for slow peers', () => memory().waitingBytes)
  gauge('memory_budget_bytes', 'MEMORY_BUDGET_MB, in bytes', () => memory().budgetBytes)
  gauge(
    'memory_pressed',
    '1 while new sockets and streams are refused because the budget is nearly used up, otherwise 0',
    () => Number(memory().pressedMs > 0),
  )
  gauge(
    'probe_age_seconds',
    'time since a probe last proved delivery through the broker',
    () => probeAgeMs() / 1_000,
  )
  gauge(
    'delivery_in_doubt',
    '1 while it is not proved that the sockets of this node are told everything, otherwise 0',
    () => Number(delivery()?.proved === false),
  )
  gauge('quarantined', 'requests in the quarantine', () => quarantined() ?? 0)
  gauge('relay_queue_requests', "webhooks that wait for the app's backend", () => relay()?.requests ?? 0)
  gauge('relay_queue_bytes', "bytes of webhooks that wait for the app's backend", () => relay()?.bytes ?? 0)
  gauge(
    'relay_queue_age_seconds',
    "age of the oldest webhook that waits for the app's backend",
    () => (relay()?.ageMs ?? 0) / 1_000,
  )
  gauge('relay_backend_down', "1 while the app's backend does not answer, otherwise 0", () =>
    Number(relay()?.isDown === true),
  )
  gauge('copies_recalls', 'copies of confirmed recalls', () => copies()?.recalls ?? 0)
  gauge('copies_bytes', 'bytes of copies of confirmed recalls', () => copies()?.bytes ?? 0)
  gauge('copies_unwritten', 'copies that are not flushed to disk yet', () => copies()?.unwritten ?? 0)
  gauge('spool_recalls', 'recalls in the spool', () => spoolDepth()?.recalls ?? 0)
  gauge('spool_bytes', 'bytes of recalls in the spool', () => spoolDepth()?.bytes ?? 0)
  gauge(
    'spool_age_seconds',
    'age of the oldest recall in the spool',
    () => (spoolDepth()?.ageMs ?? 0) / 1_000,
  )
  registerPowerCut(registry, powerCut)
}

const POWER_CUT_LOSSES: readonly PowerCutLoss[] = ['nothing', 'seconds', 'minutes', 'everything', 'unknown']

/** A series for each kind of loss: 1 for the one that is true, otherwise 0. */
function registerPowerCut(registry: Registry, powerCut: () => PowerCutLoss): void {
  new Gauge({
    name: `${PREFIX}power_cut`,
    help: '1 for what a power cut would take away of the recalls that Redis has confirmed, otherwise 0',
    labelNames: ['loses'],
    registers: [registry],
    collect() {
      for (const loses of POWER_CUT_LOSSES) this.set({ loses }, Number(loses === powerCut()))
    },
  })
}

/** A series for each kind of problem, also for those that nobody has: an alert on what is missing would never end. */
export function registerProblems(
  registry: Registry,
  readProblems: () => Promise<readonly FoundProblem[]>,
): void {
  new Gauge({
    name: `${PREFIX}problems`,
    help: 'problems of the app as this process sees it, by severity and code',
    labelNames: ['severity', 'code'],
    registers: [registry],
    async collect() {
      const problems = await readProblems()
      for (const [code, severities] of Object.entries(PROBLEMS))
        for (const severity of severities)
          this.set(
            { severity, code },
            problems.filter((problem) => problem.code === code && problem.severity === severity).length,
          )
    },
  })
}
