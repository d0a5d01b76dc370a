import type { IncomingMessage } from 'node:http'
import express from 'express'
import type { Router } from 'express'
import { collectDefaultMetrics, Counter, Histogram, Registry } from 'prom-client'
import type { ErrorCode } from '../../shared/errors.ts'
import type { ProcessState, WebhookState } from '../../shared/http-api.ts'
import type { GapReason } from '../../shared/position.ts'
import { PREFIX, registerGauges, registerProblems } from './gauges.ts'
import type { Gauges } from './gauges.ts'
import type { FoundProblem } from './health-rules.ts'
import { SlidingWindow } from './sliding-window.ts'
import { WebhookWindow } from './webhook-window.ts'

/** From the usual latency to one that a person notices. */
const LATENCY_BUCKETS_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60]
/** The default of 10 ms would wake an idle process a hundred times a second. */
const LOOP_DELAY_INTERVAL_MS = 100

/** Domain events that are counted. */
export interface Metrics {
  /** A webhook got its response: OK, or this error. One of our own says nothing of the provider's: health ignores it. */
  webhookAnswered(outcome: 'OK' | ErrorCode, isOwnCall: boolean): void
  /** A recall was stored before its webhook was answered, by the broker or in the spool. */
  recallStored(where: 'broker' | 'spool', duplicate: boolean): void
  /** Redis had lost a recall that it had confirmed, and has stored it again. */
  recallRecovered(): void
  /** A copy of a confirmed recall, or a part of a file of them, is not what was written. */
  copyRotten(): void
  /** Entries were dropped from the quarantine, of which nobody decided that: their kind was at its limit, or they were too old. */
  quarantineDropped(entries: number, why: 'full' | 'expired'): void
  /** `notices` notices were written to each of `sockets` sockets. */
  noticesDelivered(notices: number, sockets: number): void
  /** A live notice was written to the sockets of its room, `ms` after its webhook arrived. */
  deliveryTook(ms: number): void
  /** A socket subscribed with a position. */
  resumed(outcome: 'recovered' | 'nothing-missed' | 'gap'): void
  /** The sockets of a room received a gap. */
  gapSent(reason: GapReason): void
  /** A room read `notices` notices from its log because they had not arrived live. */
  healed(notices: number): void
  /** A slow consumer was disconnected. */
  slowConsumerDisconnected(): void
  /** Somebody was sent away because the memory for what waits was used up. */
  memoryShed(kind: 'socket' | 'stream' | 'response'): void
  /** A socket or stream was refused because the node or the client's address had reached its maximum, or memory was short. */
  connectionRefused(): void
  /** An idle connection was closed because its address or the process had reached its maximum. */
  connectionGaveWay(limit: 'address' | 'process'): void
  /** A command other than a recall was answered "no opinion", because there is no relay. */
  commandUnhandled(command: string): void
  /** A webhook for the app's backend got its response. */
  relayed(command: string, outcome: RelayOutcome): void
  /** A request in the relay's queue was sent to the app's backend. */
  queuedRequestTried(outcome: 'delivered' | 'retry' | 'refused'): void
  /** A request has left the relay's queue. */
  queuedRequestEnded(how: QueuedRequestEnd): void
  /** A request was refused with this error. `entrance` is one of `Refusals`. */
  refused(entrance: string, code: ErrorCode): void
}

/**
 * The response to a webhook for the backend: its own, the fallback for a Before-command, OK because it is queued, or an error because it
 * cannot be queued. Recalls are queued, too.
 */
type RelayOutcome = 'answered' | 'allowed' | 'denied' | 'queued' | 'refused'

/**
 * How a request left the relay's queue: the backend has answered it, with `ActionStatus` FAIL; or it went to the quarantine, because
 * the backend refused it for good, it was too old, or it was rotten on disk.
 */
export type QueuedRequestEnd = 'delivered' | 'delivered_fail' | 'refused' | 'expired' | 'rotten'

/** The metrics that heartbeats carry. */
export interface RecentMetrics {
  /** Since the process started. */
  counts(): ProcessState['counts']
  /** Over the last five minutes. */
  webhooks(): WebhookState
  /** Quantiles over the last minute. */
  latencyMs(): ProcessState['latencyMs']
}

export interface MetricsRegistry extends Metrics, RecentMetrics {
  /**
   * Serves `/metrics` to requests that `mayRead` accepts; for any other request it does not exist. `readProblems` is called for
   * each of them, and never rejects.
   */
  createRouter(
    gauges: Gauges,
    readProblems: () => Promise<readonly FoundProblem[]>,
    mayRead: (request: IncomingMessage) => boolean,
  ): Router
}

/** Counts events, for Prometheus and for heartbeats. */
export function createMetrics(): MetricsRegistry {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LOOP_DELAY_INTERVAL_MS })
  const counter = (name: string, help: string, labelNames: string[] = []) =>
    new Counter({ name: `${PREFIX}${name}_total`, help, labelNames, registers: [registry] })

  const webhooks = labelled(counter('webhooks', 'webhooks answered, by outcome', ['outcome']))
  const stored = labelled(
    counter('recalls_kept', 'recalls stored before the webhook was answered, by where', [
      'where',
      'duplicate',
    ]),
  )
  const recovered = counter('recalls_recovered', 'recalls that Redis had confirmed and lost, published again')
  const rottenCopies = counter('copies_rotten', 'copies of confirmed recalls that rotted on disk')
  const quarantineDrops = counter(
    'quarantine_dropped',
    'entries of the quarantine evicted at its limits, or expired, by reason',
    ['reason'],
  )
  const delivered = counter('notices_delivered', 'notices written to sockets, one for each socket')
  const resumes = counter('resumes', 'subscriptions with a position, by outcome', ['outcome'])
  const gaps = counter('gaps', 'gaps sent to the sockets of a room, by reason', ['reason'])
  const healed = counter('notices_healed', 'notices read from a log because they had not arrived live')
  const tooSlow = counter('sockets_too_slow', 'slow consumers disconnected')
  const turnedAway = counter(
    'sockets_turned_away',
    'sockets and streams refused at MAX_SOCKETS, MAX_SOCKETS_PER_ADDRESS or MEMORY_BUDGET_MB',
  )
  const shed = counter('memory_shed', 'peers sent away because MEMORY_BUDGET_MB was used up, by kind', [
    'kind',
  ])
  const gaveWay = counter('connections_gave_way', 'idle connections closed to make room, by limit', ['limit'])
  const refusals = labelled(
    counter('refusals', 'requests refused, by entrance and code', ['entrance', 'code']),
  )
  const unhandled = labelled(
    counter('commands_unhandled', 'webhooks of other commands than recalls, without a relay, by command', [
      'command',
    ]),
  )
  const relayed = labelled(
    counter('relayed', "webhooks for the app's backend, by command and what they were answered", [
      'command',
      'outcome',
    ]),
  )
  const queuedTries = labelled(
    counter('relay_queue_attempts', "attempts at requests in the relay's queue, by outcome", ['outcome']),
  )
  const queuedEnds = labelled(
    counter('relay_queue_ended', "requests that have left the relay's queue, by how", ['how']),
  )
  const latency = new Histogram({
    name: `${PREFIX}delivery_seconds`,
    help: 'from the webhook until a live notice was written to sockets',
    buckets: LATENCY_BUCKETS_S,
    registers: [registry],
  })
  const recent = new SlidingWindow()
  const webhookWindow = new WebhookWindow()
  const counts = { webhooksOk: 0, webhooksRefused: 0, kept: 0, delivered: 0 }

  return {
    webhookAnswered(outcome, isOwnCall) {
      webhooks(outcome).inc()
      if (!isOwnCall) webhookWindow.add(outcome)
      counts[outcome === 'OK' ? 'webhooksOk' : 'webhooksRefused']++
    },
    recallStored(where, duplicate) {
      stored(where, String(duplicate)).inc()
      counts.kept++
    },
    recallRecovered: () => recovered.inc(),
    copyRotten: () => rottenCopies.inc(),
    quarantineDropped: (entries, reason) => quarantineDrops.inc({ reason }, entries),
    noticesDelivered(notices, sockets) {
      delivered.inc(notices * sockets)
      counts.delivered += notices * sockets
    },
    deliveryTook(ms) {
      latency.observe(ms / 1_000)
      recent.add(ms)
    },
    resumed: (outcome) => resumes.inc({ outcome }),
    gapSent: (reason) => gaps.inc({ reason }),
    healed: (notices) => healed.inc(notices),
    slowConsumerDisconnected: () => tooSlow.inc(),
    memoryShed: (kind) => shed.inc({ kind }),
    connectionRefused: () => turnedAway.inc(),
    connectionGaveWay: (limit) => gaveWay.inc({ limit }),
    commandUnhandled: (command) => unhandled(command).inc(),
    relayed: (command, outcome) => relayed(command, outcome).inc(),
    queuedRequestTried: (outcome) => queuedTries(outcome).inc(),
    queuedRequestEnded: (how) => queuedEnds(how).inc(),
    refused: (entrance, code) => refusals(entrance, code).inc(),

    counts: () => ({ ...counts }),
    webhooks: () => webhookWindow.state(),
    latencyMs: () => ({ p50: recent.quantile(0.5), p99: recent.quantile(0.99) }),

    createRouter(gauges, readProblems, mayRead) {
      registerGauges(registry, gauges)
      registerProblems(registry, readProblems)
      const router = express.Router()
      router.get('/metrics', async (request, response, next) => {
        if (!mayRead(request)) return next()
        response.type(registry.contentType).send(await registry.metrics())
      })
      return router
    },
  }
}

/**
 * Returns the child of `counter` with the given labels. Each child is looked up once: the lookup costs more than counting,
 * and every webhook would pay for it.
 */
function labelled(counter: Counter): (...labels: string[]) => Counter.Internal {
  const children = new Map<string, Counter.Internal>()
  return (...labels) => {
    const name = labels.join(' ')
    const child = children.get(name) ?? counter.labels(...labels)
    children.set(name, child)
    return child
  }
}
