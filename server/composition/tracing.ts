import type { RespondingProcess } from '../../shared/http-api/identity.ts'
import * as options from '../config/options.ts'
import type { Config } from '../config/settings.ts'
import { fetchBounded } from '../http/fetch.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { createSpanExporter } from '../telemetry/tracing/span-exporter.ts'
import { createTracing } from '../telemetry/tracing/tracing.ts'
import type { Tracing } from '../telemetry/tracing/tracing.ts'
import type { Lifecycle } from './lifecycle.ts'

/** As OpenTelemetry's own exporter. */
const TIMEOUT_MS = 10_000
const MAX_RESPONSE_BYTES = 65_536

interface Dependencies {
  readonly lifecycle: Lifecycle
  /** What the process calls itself; asked when the first span is sent. */
  readonly self: () => RespondingProcess
  readonly metrics: Metrics
  readonly log: Logger
}

/** Creates what traces webhooks: for lines of the log at debug, and for a collector if one is set. */
export function openTracing(config: Config, { lifecycle, self, metrics, log }: Dependencies): Tracing {
  const tracesAll = log.isLevelEnabled('debug')
  const collector = options.collector(config)
  if (collector === undefined) return createTracing({ ratio: 0, tracesAll }, undefined)
  const exporter = createSpanExporter({
    resource() {
      const { id, host, version } = self()
      return { service: collector.service, environment: config.ENVIRONMENT, id, host, version }
    },
    async post(body) {
      const { status, headers, text } = await fetchBounded(collector.url, {
        method: 'POST',
        headers: { ...collector.headers, 'Content-Type': 'application/json' },
        body,
        timeoutMs: TIMEOUT_MS,
        maxBytes: MAX_RESPONSE_BYTES,
      })
      return { status, retryAfter: headers.get('retry-after'), text }
    },
    metrics,
    log,
  })
  lifecycle.onStop('spans', exporter.stop)
  return createTracing({ ratio: collector.ratio, tracesAll }, exporter.add)
}
