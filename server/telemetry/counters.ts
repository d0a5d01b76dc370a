import { Counter, Gauge, Histogram } from 'prom-client'
import type { Registry } from 'prom-client'
import type { GapReason } from '../../shared/position.ts'
import { PREFIX } from './gauges.ts'
import type { Metrics, RedisMetrics } from './metrics-port.ts'

/** From the usual latency to one that a person notices. */
const LATENCY_BUCKETS_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60]
/** Up to what the provider waits for, and beyond. */
const KEPT_BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 1.7, 2]
/** From a message within one machine to what counts as lost. */
const PROBE_BUCKETS_S = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1]
/** Up to the most recalls of a batch, and the most notices of a frame with a message each. */
const BATCH_BUCKETS = [1, 2, 4, 8, 16, 32, 64]
const FRAME_BUCKETS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000]
/** Those that a node sends. */
const GAP_REASONS: readonly GapReason[] = ['epoch-changed', 'trimmed', 'too-many', 'unreadable']

/** Counts every event since the process started, for Prometheus. */
export function createCounters(registry: Registry): Metrics & RedisMetrics {
  const counter = (name: string, help: string, labelNames: string[] = []) =>
    new Counter({ name: `${PREFIX}${name}_total`, help, labelNames, registers: [registry] })
  const histogram = (name: string, help: string, buckets: number[], labelNames: string[] = []) =>
    new Histogram({ name: `${PREFIX}${name}`, help, buckets, labelNames, registers: [registry] })

  const webhooks = labelled(
    counter('webhooks', 'webhooks answered, by outcome and command', ['outcome', 'command']),
  )
  const ofProvider = counter('provider_webhooks', 'webhooks of the provider that were answered with OK')
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
  const spans = counter('spans', 'spans of traces, by whether the collector took them', ['outcome'])
  const keptTimes = histogram(
    'kept_seconds',
    'from the arrival of a webhook until its recall was stored, by where',
    KEPT_BUCKETS_S,
    ['where'],
  )
  const kept = { broker: keptTimes.labels('broker'), spool: keptTimes.labels('spool') }
  const frames = histogram('frame_notices', 'live notices in a frame to the sockets of a room', FRAME_BUCKETS)
  const latency = histogram(
    'delivery_seconds',
    'from the webhook until a live notice was written to sockets',
    LATENCY_BUCKETS_S,
  )
  const connected = new Gauge({
    name: `${PREFIX}redis_connected`,
    help: '1 while a connection to Redis is up, otherwise 0, by connection',
    labelNames: ['connection'],
    registers: [registry],
  })
  const reconnects = counter('redis_reconnects', 'connections to Redis that are up again, by connection', [
    'connection',
  ])
  const batches = histogram('redis_batch_recalls', 'recalls that Redis got in one batch', BATCH_BUCKETS)
  const probes = histogram(
    'redis_probe_seconds',
    'from sending a probe through Redis until it arrived here, on the path of notices',
    PROBE_BUCKETS_S,
  )
  const clock = new Gauge({
    name: `${PREFIX}redis_clock_offset_seconds`,
    help: 'how far the clock of this process is ahead of that of Redis; negative if it is behind',
    registers: [registry],
  })

  // A series that begins with its first event hides it from `increase` and `rate`, which compare with what was before.
  const none = (metric: Counter, label: string, values: readonly string[]): void => {
    for (const value of values) metric.inc({ [label]: value }, 0)
  }
  none(resumes, 'outcome', ['recovered', 'nothing-missed', 'gap'])
  none(gaps, 'reason', GAP_REASONS)
  none(spans, 'outcome', ['exported', 'dropped'])
  none(shed, 'kind', ['socket', 'stream', 'response'])
  none(gaveWay, 'limit', ['address', 'process'])
  none(quarantineDrops, 'reason', ['full', 'expired'])
  for (const outcome of ['delivered', 'retry', 'refused']) queuedTries(outcome).inc(0)
  for (const how of ['delivered', 'delivered_fail', 'refused', 'expired', 'rotten']) queuedEnds(how).inc(0)
  for (const where of ['broker', 'spool'])
    for (const duplicate of ['false', 'true']) stored(where, duplicate).inc(0)

  return {
    webhookExpected: (outcome, command) => webhooks(outcome, command).inc(0),
    webhookAnswered(outcome, command, isOwnCall) {
      webhooks(outcome, command).inc()
      if (outcome === 'OK' && !isOwnCall) ofProvider.inc()
    },
    recallStored(where, duplicate, ms) {
      stored(where, String(duplicate)).inc()
      kept[where].observe(ms / 1_000)
    },
    recallRecovered: () => recovered.inc(),
    copyRotten: () => rottenCopies.inc(),
    quarantineDropped: (entries, reason) => quarantineDrops.inc({ reason }, entries),
    noticesDelivered: (notices, sockets) => delivered.inc(notices * sockets),
    frameSent: (notices) => frames.observe(notices),
    deliveryTook: (ms) => latency.observe(ms / 1_000),
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
    spansEnded: (outcome, count) => spans.inc({ outcome }, count),
    refused: (entrance, code) => refusals(entrance, code).inc(),

    redisConnection(connection, isUp, isReturn) {
      connected.set({ connection }, Number(isUp))
      reconnects.inc({ connection }, Number(isReturn))
    },
    redisBatch: (recalls) => batches.observe(recalls),
    redisProbe: (ms) => probes.observe(ms / 1_000),
    redisClock: (aheadMs) => clock.set(aheadMs / 1_000),
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
