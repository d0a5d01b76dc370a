import { Counter, Histogram } from 'prom-client'
import type { Registry } from 'prom-client'
import { PREFIX } from './gauges.ts'
import type { Metrics } from './metrics-port.ts'

/** From the usual latency to one that a person notices. */
const LATENCY_BUCKETS_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60]

/** Counts every event since the process started, for Prometheus. */
export function createCounters(registry: Registry): Metrics {
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

  return {
    webhookAnswered: (outcome) => webhooks(outcome).inc(),
    recallStored: (where, duplicate) => stored(where, String(duplicate)).inc(),
    recallRecovered: () => recovered.inc(),
    copyRotten: () => rottenCopies.inc(),
    quarantineDropped: (entries, reason) => quarantineDrops.inc({ reason }, entries),
    noticesDelivered: (notices, sockets) => delivered.inc(notices * sockets),
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
    refused: (entrance, code) => refusals(entrance, code).inc(),
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
