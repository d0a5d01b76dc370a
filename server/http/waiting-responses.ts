import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { GatewayError } from '../../shared/errors.ts'
import { EVENT_STREAM_TYPE } from '../../shared/limits.ts'
import type { Waiter, WaitingPart } from '../lib/memory-budget.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { Refusals } from '../telemetry/refusals.ts'

interface WaitingResponseDependencies {
  /** Returns the connections with a request in progress. */
  readonly inProgress: () => Iterable<Socket>
  /** Returns the response whose turn it is on a connection; undefined if it is idle. */
  readonly currentOf: (connection: Socket) => ServerResponse | undefined
  /** Returns how many bytes of requests wait behind it. */
  readonly waitingBytesOf: (connection: Socket) => number
  readonly metrics: Pick<Metrics, 'memoryShed'>
  readonly refusals: Refusals
}

/** Responses that their peers have not read, and requests that wait behind them. Streams of events count by themselves. */
export function countWaitingResponses({
  inProgress,
  currentOf,
  waitingBytesOf,
  metrics,
  refusals,
}: WaitingResponseDependencies): WaitingPart {
  const bytesOf = (connection: Socket): number => {
    const response = currentOf(connection)
    const isStream = response?.getHeader('Content-Type') === EVENT_STREAM_TYPE
    return (isStream ? 0 : (response?.writableLength ?? 0)) + waitingBytesOf(connection)
  }
  const shed = (connection: Socket): void => {
    metrics.memoryShed('response')
    refusals.report('connection', new GatewayError('NODE_FULL', 'its memory is used up by unread responses'))
    connection.destroy()
  }
  return {
    measure() {
      let bytes = 0
      for (const connection of inProgress()) bytes += bytesOf(connection)
      return { bytes, leavingBytes: 0 }
    },
    waiters: () =>
      [...inProgress()].flatMap((connection): Waiter[] => {
        const bytes = bytesOf(connection)
        return bytes === 0 ? [] : [{ bytes, shed: () => shed(connection) }]
      }),
  }
}
