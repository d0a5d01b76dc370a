import type { IncomingMessage } from 'node:http'
import express from 'express'
import type { Router } from 'express'
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { ErrorCode } from '../../shared/errors.ts'
import type { GapReason } from '../../shared/position.ts'

/** Moments in the life of recalls that are counted. */
export interface Metrics {
  /** A webhook was answered: with OK, or with this error. */
  webhookAnswered(outcome: 'OK' | ErrorCode): void
  /** A recall was kept before the answer, by the broker or in the spool. */
  recallKept(where: 'broker' | 'spool', duplicate: boolean): void
  /** These many notices were written to these many sockets. */
  noticesDelivered(notices: number, sockets: number): void
  /** A notice that came live was written to sockets, so long after its webhook had come. */
  noticeTook(ms: number): void
  /** A socket subscribed with a position. */
  resumed(outcome: 'recovered' | 'nothing-missed' | 'gap'): void
  /** The sockets of a room were told that notices are missing. */
  gapTold(reason: GapReason): void
  /** A room read these many notices in its log that had not arrived live. */
  healed(notices: number): void
  /** A socket was sent away because too much waited for it. */
  socketTooSlow(): void
  /** A connection was refused because the node, or its address, has as many as it may. */
  socketTurnedAway(): void
}

/** Moments that are counted, and how the counts are read. */
export interface AllMetrics extends Metrics {
  /** What was counted since the start. */
  readonly counts: () => Readonly<Record<'webhooksOk' | 'webhooksRefused' | 'kept' | 'delivered', number>>
  /** From the webhook to the sockets, of the last minute, in ms; null where nothing was delivered. */
  readonly latencyMs: () => Readonly<Record<'p50' | 'p99', number | null>>
  readonly createRouter: (gauges: Gauges) => Router
}

/** What is looked up whenever the metrics are read. */
interface Gauges {
  readonly sockets: () => number
  readonly rooms: () => number
  /** Bytes that wait for the socket for which most wait. */
  readonly mostWaiting: () => number
  readonly probeAgeMs: () => number
  /** Whether a request comes from where metrics may be read. */
  readonly mayRead: (request: IncomingMessage) => boolean
  readonly spoolDepth: () =>
    { readonly recalls: number; readonly bytes: number; readonly ageMs: number } | undefined
}

/** From what is usual to what a person notices. */
const LATENCY_BUCKETS_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60]

const LOOP_DELAY_INTERVAL_MS = 100

const PREFIX = 'recall_gateway_'

/** Counts, and shows them to Prometheus at `/metrics`. */
export function createMetrics(): AllMetrics {
  const registry = new Registry()
  // The default of 10 ms would wake an idle process a hundred times a second.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LOOP_DELAY_INTERVAL_MS })
  const counter = (name: string, help: string, labelNames: string[] = []) =>
    new Counter({ name: `${PREFIX}${name}_total`, help, labelNames, registers: [registry] })
  const gauge = (name: string, help: string, look: () => number) =>
    new Gauge({
      name: `${PREFIX}${name}`,
      help,
      registers: [registry],
      collect() {
        this.set(look())
      },
    })

  const webhooks = counter('webhooks', 'webhooks answered, by outcome', ['outcome'])
  const kept = counter('recalls_kept', 'recalls kept before the answer, by where', ['where', 'duplicate'])
  const delivered = counter('notices_delivered', 'notices written to sockets, one for each socket')
  const webhooksBy = childrenOf(webhooks)
  const keptBy = childrenOf(kept)
  const resumes = counter('resumes', 'subscriptions with a position, by outcome', ['outcome'])
  const gaps = counter('gaps', 'gaps told to the sockets of a room, by reason', ['reason'])
  const healed = counter('notices_healed', 'notices read in a log because they had not arrived live')

  const tooSlow = counter('sockets_too_slow', 'sockets sent away because too much waited for them')

  const turnedAway = counter('sockets_turned_away', 'connections refused because there are as many as may be')

  const latency = new Histogram({
    name: `${PREFIX}delivery_seconds`,
    help: 'from the webhook until a notice that came live was written to sockets',
    buckets: LATENCY_BUCKETS_S,
    registers: [registry],
  })
  const recent = new SlidingWindow()
  const counts = { webhooksOk: 0, webhooksRefused: 0, kept: 0, delivered: 0 }

  return {
    webhookAnswered(outcome) {
      webhooksBy(outcome).inc()
      counts[outcome === 'OK' ? 'webhooksOk' : 'webhooksRefused']++
    },
    recallKept(where, duplicate) {
      keptBy(where, String(duplicate)).inc()
      counts.kept++
    },
    noticesDelivered(notices, sockets) {
      delivered.inc(notices * sockets)
      counts.delivered += notices * sockets
    },
    noticeTook(ms) {
      latency.observe(ms / 1_000)
      recent.add(ms)
    },
    counts: () => ({ ...counts }),
    latencyMs: () => ({ p50: recent.quantile(0.5), p99: recent.quantile(0.99) }),
    resumed: (outcome) => resumes.inc({ outcome }),
    gapTold: (reason) => gaps.inc({ reason }),
    healed: (notices) => healed.inc(notices),
    socketTooSlow: () => tooSlow.inc(),
    socketTurnedAway: () => turnedAway.inc(),

    createRouter({ mayRead, sockets, rooms, mostWaiting, probeAgeMs, spoolDepth }) {
      gauge('sockets', 'sockets on this node', sockets)
      gauge('rooms', 'rooms with sockets on this node', rooms)
      gauge('most_waiting_bytes', 'bytes that wait for the slowest socket of this node', mostWaiting)
      gauge(
        'probe_age_seconds',
        'time since delivery through the broker was proved',
        () => probeAgeMs() / 1_000,
      )
      gauge('spool_recalls', 'recalls that wait on disk', () => spoolDepth()?.recalls ?? 0)
      gauge('spool_bytes', 'bytes of recalls that wait on disk', () => spoolDepth()?.bytes ?? 0)
      gauge('spool_age_seconds', 'age of the oldest recall on disk', () => (spoolDepth()?.ageMs ?? 0) / 1_000)
      const router = express.Router()
      router.get('/metrics', async (request, response, next) => {
        // As if there were nothing.
        if (!mayRead(request)) return next()
        response.type(registry.contentType).send(await registry.metrics())
      })
      return router
    },
  }
}

/** The counter with these labels. Each is looked up once: that costs more than to count, and happens for each webhook. */
function childrenOf(counter: Counter): (...labels: string[]) => { inc(): void } {
  const known = new Map<string, { inc(): void }>()
  return (...labels) => {
    const name = labels.join(' ')
    const child = known.get(name) ?? counter.labels(...labels)
    known.set(name, child)
    return child
  }
}

const MAX_VALUES = 1_000
const RECENT_MS = 60_000

/** The latest values of the last minute. */
class SlidingWindow {
  readonly #values: { readonly atMs: number; readonly value: number }[] = []
  #next = 0

  add(value: number): void {
    this.#values[this.#next] = { atMs: performance.now(), value }
    this.#next = (this.#next + 1) % MAX_VALUES
  }

  /** The value that this share of them, from 0 to 1, does not exceed; null without any. */
  quantile(share: number): number | null {
    const since = performance.now() - RECENT_MS
    const sorted = this.#values
      .filter(({ atMs }) => atMs >= since)
      .map(({ value }) => value)
      .toSorted((a, b) => a - b)
    return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? null
  }
}
