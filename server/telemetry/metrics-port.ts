import type { ErrorCode } from '../../shared/errors.ts'
import type { GapReason } from '../../shared/position.ts'

/** Domain events that are counted. */
export interface Metrics {
  /** Webhooks may get this response. A count that begins with its first webhook would hide that one from rates. */
  webhookExpected(outcome: 'OK' | ErrorCode, command: string): void
  /**
   * A webhook got its response: OK, or this error. `command` is one of a bounded list. One of our own says nothing of the provider's:
   * health ignores it.
   */
  webhookAnswered(outcome: 'OK' | ErrorCode, command: string, isOwnCall: boolean): void
  /** A recall was stored before its webhook was answered, by the broker or in the spool, `ms` after the webhook had arrived. */
  recallStored(where: 'broker' | 'spool', duplicate: boolean, ms: number): void
  /** Redis had lost a recall that it had confirmed, and has stored it again. */
  recallRecovered(): void
  /** A copy of a confirmed recall, or a part of a file of them, is not what was written. */
  copyRotten(): void
  /** Entries were dropped from the quarantine, of which nobody decided that: their kind was at its limit, or they were too old. */
  quarantineDropped(entries: number, why: 'full' | 'expired'): void
  /** `notices` notices were written to each of `sockets` sockets. */
  noticesDelivered(notices: number, sockets: number): void
  /** A room of this node got a frame with this many live notices, whoever listens. */
  frameSent(notices: number): void
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
  /** So many spans of traces were taken by the collector, or dropped. */
  spansEnded(how: 'exported' | 'dropped', spans: number): void
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

/** What the broker tells of its work with Redis. */
export interface RedisMetrics {
  /** A connection is up, or has ended; `isReturn` says that it was up before. */
  redisConnection(role: RedisConnection, isUp: boolean, isReturn: boolean): void
  /** Redis got this many recalls in one batch. */
  redisBatch(recalls: number): void
  /** A probe has travelled the path of notices in `ms`. */
  redisProbe(ms: number): void
  /** The clock of this process is ahead of that of Redis by `ms`, or behind it if that is negative. */
  redisClock(aheadMs: number): void
}

/** Commands, recalls if they are confirmed by disks or replicas, and notices. */
type RedisConnection = 'commands' | 'recalls' | 'subscriber'
