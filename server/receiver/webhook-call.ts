import type { TraceContext } from '../telemetry/tracing/trace-context.ts'
import type { WebhookQuery } from './caller.ts'
import type { RelayedRequest } from './relay/relayed-request.ts'

/** One webhook from the provider; someone who knows a token made it. */
export interface WebhookCall {
  readonly query: WebhookQuery
  readonly body: Buffer
  readonly contentType: string | undefined
  readonly receivedAtMs: number
  /** When it arrived by `performance.now()`: the clock may be set while the provider waits, and the process may stall. */
  readonly startedMs: number
  /** Whether it comes from the quarantine, and stays there if it is refused. */
  readonly isReplay: boolean
  /** The span that receives it; undefined if it is not traced. */
  readonly trace?: TraceContext | undefined
  /** Whether its recalls are tests. */
  readonly isTest?: boolean
  /** Whether the relay gave it up before, so that it is for the app's backend alone. */
  readonly isGivenUp?: boolean | undefined
  /** What the app's backend gets of it besides; undefined if it gets nothing. */
  readonly relayed?:
    Pick<RelayedRequest, 'method' | 'pathSuffix' | 'query' | 'forwarded' | 'isTraced'> | undefined
}

/** Tencent gives up after 2 s; this leaves 300 ms for the response to travel. */
const RESPONSE_TIMEOUT_MS = 1_700
/** For a recall whose body took long to arrive: nobody may be waiting for the response any more, but the recall counts. */
const MIN_STORE_TIMEOUT_MS = 1_000

/** Returns how long storing may take, in ms, so that the response is in time. */
export const msLeft = ({ startedMs }: WebhookCall): number =>
  Math.max(startedMs + RESPONSE_TIMEOUT_MS - performance.now(), MIN_STORE_TIMEOUT_MS)
