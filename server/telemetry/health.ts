import { randomUUID } from 'node:crypto'
import express from 'express'
import type { Router } from 'express'
import Joi from 'joi'
import { reasonOf } from '../../shared/errors.ts'
import type { ProcessState } from '../../shared/http-api.ts'
import type { Logger } from './logger.ts'
import type { Gauges, RecentMetrics } from './metrics.ts'

const HEARTBEAT_INTERVAL_MS = 2_000
/** Failures per warning: about once a minute. */
const FAILURES_PER_WARNING = 30

interface HealthChecks {
  /** False once the process is stopping. */
  readonly isAccepting: () => boolean
  readonly isBrokerReady: () => boolean
  /** Why the process is not ready, or the broker alone. */
  readonly reasons: () => readonly string[]
  /** What an operator should know although it is; see `Broker`. */
  readonly brokerWarnings: () => readonly string[]
  readonly spoolDepth: Gauges['spoolDepth']
  readonly quarantined: Gauges['quarantined']
  /** Whether this process serves sockets, which need the broker. */
  readonly servesSockets: boolean
}

/**
 * Serves `/livez` and `/readyz`. A process that does not respond to `/livez` should be restarted. `/readyz` is 200 if the
 * process can do its work, and otherwise 503 with the failed checks and the reasons: the process should receive no traffic,
 * but need not be restarted.
 */
export function createHealth({
  isAccepting,
  isBrokerReady,
  reasons,
  brokerWarnings,
  spoolDepth,
  quarantined,
  servesSockets,
}: HealthChecks): Router {
  const router = express.Router()
  router.get('/livez', (_request, response) => void response.json({ live: true }))
  router.get('/readyz', (_request, response) => {
    const spool = spoolDepth()
    const checks = { taking: isAccepting(), broker: isBrokerReady() }
    // A receiver with a spool stores recalls without the broker; taken out of service, it would lose them.
    const ready = checks.taking && (checks.broker || (spool !== undefined && !servesSockets))
    const warnings = brokerWarnings()
    const requests = quarantined()
    const quarantine = requests === undefined ? undefined : { requests }
    response.status(ready ? 200 : 503).json({
      ready,
      checks,
      reasons: reasons(),
      ...(warnings.length > 0 && { warnings }),
      spool,
      quarantine,
    })
  })
  return router
}

/** What a process sends in a heartbeat. The broker adds the id and the age. */
type HeartbeatState = Omit<ProcessState, 'id' | 'reportedAtMs'>

/** The part of the broker that carries heartbeats, and tells of itself in them. */
interface Heartbeats {
  heartbeat(id: string, text: string): Promise<void>
  warnings(): readonly string[]
  /** Heartbeats of all processes from the last ten seconds. */
  heartbeats(): Promise<readonly { readonly id: string; readonly ageMs: number; readonly text: string }[]>
}

interface HeartbeatDependencies {
  readonly broker: Heartbeats
  readonly isReady: () => boolean
  /** Why it is not. */
  readonly reasons: () => readonly string[]
  readonly gauges: Gauges
  readonly metrics: RecentMetrics
  readonly log: Logger
}

/** Sends the state of this process to all processes, now and every 2 s. Returns a function that stops it. */
export function startHeartbeat(
  role: ProcessState['role'],
  { broker, isReady, reasons, gauges, metrics, log }: HeartbeatDependencies,
): () => void {
  const id = randomUUID()
  const startedAtMs = Date.now()

  function read(): HeartbeatState {
    const spool = gauges.spoolDepth()
    return {
      role,
      startedAtMs,
      ready: isReady(),
      sockets: gauges.sockets(),
      rooms: gauges.rooms(),
      probeAgeMs: gauges.probeAgeMs(),
      reasons: shortened(reasons()),
      warnings: shortened(broker.warnings()),
      ...(spool && { spool }),
      counts: metrics.counts(),
      latencyMs: metrics.latencyMs(),
    }
  }

  let failures = 0
  function send(): void {
    broker.heartbeat(id, JSON.stringify(read())).then(
      () => (failures = 0),
      (error: unknown) => {
        const reason = reasons()[0] ?? reasonOf(error)
        if (failures++ % FAILURES_PER_WARNING === 0) log.warn({ reason }, 'heartbeat not sent')
      },
    )
  }

  send()
  const timer = setInterval(send, HEARTBEAT_INTERVAL_MS)
  timer.unref()
  return () => clearInterval(timer)
}

/** A heartbeat has at most 4 KiB. */
const MAX_SENTENCES = 4
const MAX_SENTENCE_LENGTH = 300

const shortened = (sentences: readonly string[]): string[] =>
  sentences.slice(0, MAX_SENTENCES).map((sentence) => sentence.slice(0, MAX_SENTENCE_LENGTH))

const count = Joi.number().min(0).required()
const quantile = Joi.number().allow(null).required()
/** Missing in heartbeats of earlier versions. */
const sentences = Joi.array().items(Joi.string().max(MAX_SENTENCE_LENGTH)).max(MAX_SENTENCES).default([])
const stateSchema = Joi.object<HeartbeatState>({
  role: Joi.valid('all', 'receiver', 'node').required(),
  startedAtMs: count,
  ready: Joi.boolean().required(),
  sockets: count,
  rooms: count,
  probeAgeMs: count,
  reasons: sentences,
  warnings: sentences,
  spool: Joi.object({ recalls: count, bytes: count, ageMs: count }),
  counts: Joi.object({ webhooksOk: count, webhooksRefused: count, kept: count, delivered: count }).required(),
  latencyMs: Joi.object({ p50: quantile, p99: quantile }).required(),
})

/**
 * Returns the state of every process whose latest heartbeat arrived. Heartbeats that this version cannot read are left out:
 * processes of another version may send another shape.
 */
export async function readHeartbeats(broker: Pick<Heartbeats, 'heartbeats'>): Promise<ProcessState[]> {
  const nowMs = Date.now()
  return (await broker.heartbeats()).flatMap(({ id, ageMs, text }) => {
    const state = decode(text)
    return state === undefined ? [] : [{ id, reportedAtMs: nowMs - ageMs, ...state }]
  })
}

function decode(text: string): HeartbeatState | undefined {
  try {
    const { value, error } = stateSchema.validate(JSON.parse(text), { stripUnknown: true })
    return error === undefined ? value : undefined
  } catch {
    return undefined
  }
}
