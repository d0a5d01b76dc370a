import type { Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { GatewayError } from '../../shared/errors.ts'
import { CSV_TYPE, EVENT_STREAM_TYPE, JSON_LINES_TYPE } from '../../shared/limits.ts'
import type { Refusals } from '../telemetry/refusals.ts'

interface UnreadLimits {
  /** Without a byte read or sent. Longer than the interval at which a stream of events shows that it is alive. */
  readonly maxSilenceMs: number
  /** For all of a response that has an end. */
  readonly maxResponseMs: number
  readonly checkIntervalMs: number
}

/** In 2 min, 1 MiB arrives over 70 kbit/s. */
const LIMITS: UnreadLimits = { maxSilenceMs: 30_000, maxResponseMs: 120_000, checkIntervalMs: 5_000 }

const LONG_TYPES: ReadonlySet<unknown> = new Set([EVENT_STREAM_TYPE, JSON_LINES_TYPE, CSV_TYPE])

interface UnreadDependencies {
  /** Returns the response whose turn it is on a connection; undefined if it is idle. */
  readonly currentOf: (connection: Socket) => ServerResponse | undefined
  /** Returns the connections whose requests have been in progress for longer than this. */
  readonly busyFor: (ms: number) => readonly Socket[]
  readonly refusals: Refusals
}

interface UnreadResponses {
  /** To be called when a request begins. Not for all connections of a server: a timer takes memory even after it has been cleared. */
  readonly watch: (connection: Socket) => void
  readonly stop: () => void
}

/**
 * Cuts connections whose peer does not read its response, or reads it very slowly: it holds the response in memory, or a file
 * open. Node does not count as silence what the system still sends.
 */
export function cutUnreadResponses(
  servers: readonly Server[],
  { currentOf, busyFor, refusals }: UnreadDependencies,
  { maxSilenceMs, maxResponseMs, checkIntervalMs } = LIMITS,
): UnreadResponses {
  function cut(socket: Socket): void {
    refusals.report('connection', new GatewayError('REQUEST_TIMEOUT', 'the response was not read'))
    socket.destroy()
  }
  for (const server of servers) {
    // Emitted too when an idle connection has been open for the keep-alive timeout.
    server.on('timeout', (socket: Socket) => {
      if (currentOf(socket) === undefined) socket.destroy()
      else cut(socket)
    })
  }
  const timer = setInterval(() => {
    for (const socket of busyFor(maxResponseMs)) {
      const response = currentOf(socket)
      // These have no end, or one that is far away, and bound what they hold by themselves.
      const type = response?.getHeader('Content-Type')
      if (response && !LONG_TYPES.has(type)) cut(socket)
    }
  }, checkIntervalMs)
  timer.unref()
  return {
    watch: (connection) => connection.setTimeout(maxSilenceMs),
    stop: () => clearInterval(timer),
  }
}
