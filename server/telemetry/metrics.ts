import type { IncomingMessage } from 'node:http'
import express from 'express'
import type { Router } from 'express'
import { collectDefaultMetrics, Registry } from 'prom-client'
import type { ProcessState, WebhookState } from '../../shared/http-api.ts'
import { createCounters } from './counters.ts'
import { Episode } from './episode.ts'
import { registerGauges, registerProblems } from './gauges.ts'
import type { Gauges } from './gauges.ts'
import type { FoundProblem } from './health-rules.ts'
import type { Metrics, RedisMetrics } from './metrics-port.ts'
import { registerProcessGauges } from './process-gauges.ts'
import type { ProcessGauges } from './process-gauges.ts'
import { SlidingWindow } from './sliding-window.ts'
import { WebhookWindow } from './webhook-window.ts'

export type { Metrics, QueuedRequestEnd } from './metrics-port.ts'

/** The default of 10 ms would wake an idle process a hundred times a second. */
const LOOP_DELAY_INTERVAL_MS = 100

/** The metrics that heartbeats carry. */
export interface RecentMetrics {
  /** Since the process started. */
  counts(): ProcessState['counts']
  /** Over the last five minutes. */
  webhooks(): WebhookState
  /** Gaps that sockets were sent since the process started. */
  gaps(): number
  /** Those of late that were sent because an entry could not be read. */
  unreadable(): ProcessState['unreadable']
  /** Quantiles over the last minute. */
  latencyMs(): ProcessState['latencyMs']
}

/** What is read when metrics are. */
interface MetricsSources {
  readonly gauges: Gauges
  readonly process: Omit<ProcessGauges, 'silenceMs'>
  /** Never rejects. */
  readonly readProblems: () => Promise<readonly FoundProblem[]>
}

export interface MetricsRegistry extends Metrics, RedisMetrics, RecentMetrics {
  /** Serves `/metrics` to requests that `mayRead` accepts; for any other request it does not exist. */
  createRouter(sources: MetricsSources, mayRead: (request: IncomingMessage) => boolean): Router
}

/** Counts events, for Prometheus and for heartbeats. */
export function createMetrics(): MetricsRegistry {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LOOP_DELAY_INTERVAL_MS })
  const counters = createCounters(registry)
  const recent = new SlidingWindow()
  const webhookWindow = new WebhookWindow()
  const unreadable = new Episode()
  let gaps = 0
  const counts = { webhooksOk: 0, webhooksRefused: 0, kept: 0, delivered: 0 }

  return {
    ...counters,
    webhookAnswered(outcome, command, isOwnCall) {
      counters.webhookAnswered(outcome, command, isOwnCall)
      if (!isOwnCall) webhookWindow.add(outcome)
      counts[outcome === 'OK' ? 'webhooksOk' : 'webhooksRefused']++
    },
    recallStored(where, duplicate, ms) {
      counters.recallStored(where, duplicate, ms)
      counts.kept++
    },
    noticesDelivered(notices, sockets) {
      counters.noticesDelivered(notices, sockets)
      counts.delivered += notices * sockets
    },
    gapSent(reason) {
      counters.gapSent(reason)
      gaps++
      if (reason === 'unreadable') unreadable.add()
    },
    deliveryTook(ms) {
      counters.deliveryTook(ms)
      recent.add(ms)
    },

    counts: () => ({ ...counts }),
    gaps: () => gaps,
    unreadable: () => unreadable.state(),
    webhooks: () => webhookWindow.state(),
    latencyMs: () => ({ p50: recent.quantile(0.5), p99: recent.quantile(0.99) }),

    createRouter(sources, mayRead) {
      registerGauges(registry, sources.gauges)
      registerProcessGauges(registry, { ...sources.process, silenceMs: () => webhookWindow.silenceMs() })
      registerProblems(registry, sources.readProblems)
      const router = express.Router()
      router.get('/metrics', async (request, response, next) => {
        if (!mayRead(request)) return next()
        response.type(registry.contentType).send(await registry.metrics())
      })
      return router
    },
  }
}
