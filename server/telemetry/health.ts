import express from 'express'
import type { Router } from 'express'
import { randomUUID } from 'node:crypto'
import Joi from 'joi'
import type { ProcessState } from '../../shared/http-api.ts'
import type { Logger } from './logger.ts'

/** What the gateway says of itself. */
export interface Health {
  /** False from the moment a stop was asked for. */
  readonly isTaking: () => boolean
  readonly isBrokerReady: () => boolean
  /** What waits on disk for the broker; undefined where there is no spool. */
  readonly spoolDepth: () =>
    { readonly recalls: number; readonly bytes: number; readonly ageMs: number } | undefined
  /** Whether sockets are served here, for which the broker must be there. */
  readonly servesSockets: boolean
}

/**
 * `/livez`: the process answers; restart it when it does not. `/readyz`: 200 when it can do its work, 503 with what is
 * missing otherwise; send it no traffic then, but do not restart it for that.
 */
export function createHealth({ isTaking, isBrokerReady, spoolDepth, servesSockets }: Health): Router {
  const router = express.Router()
  router.get('/livez', (_request, response) => void response.json({ live: true }))
  router.get('/readyz', (_request, response) => {
    const spool = spoolDepth()
    const checks = { taking: isTaking(), broker: isBrokerReady() }
    // A receiver with a spool keeps recalls without the broker: taken out of service, it would lose them.
    const ready = checks.taking && (checks.broker || (spool !== undefined && !servesSockets))
    response.status(ready ? 200 : 503).json({ ready, checks, ...(spool && { spool }) })
  })
  return router
}

const HEARTBEAT_INTERVAL_MS = 2_000

/** What a process says of itself in a heartbeat. The broker adds the id and the age. */
export type HeartbeatState = Omit<ProcessState, 'id' | 'reportedAtMs'>

/** What was told to all processes: at most ten seconds ago. */
interface Report {
  readonly id: string
  readonly ageMs: number
  readonly text: string
}

interface Reporting {
  heartbeat(id: string, text: string): Promise<void>
  heartbeats(): Promise<readonly Report[]>
}

const count = Joi.number().min(0).required()
const quantile = Joi.number().allow(null).required()
const schema = Joi.object<HeartbeatState>({
  role: Joi.valid('all', 'receiver', 'node').required(),
  startedAtMs: count,
  ready: Joi.boolean().required(),
  sockets: count,
  rooms: count,
  probeAgeMs: count,
  spool: Joi.object({ recalls: count, bytes: count, ageMs: count }),
  counts: Joi.object({ webhooksOk: count, webhooksRefused: count, kept: count, delivered: count }).required(),
  latencyMs: Joi.object({ p50: quantile, p99: quantile }).required(),
})

/** Tells all processes, again and again, how this one is. Answers how to stop. */
export function startHeartbeat(broker: Reporting, look: () => HeartbeatState, log: Logger): () => void {
  const id = randomUUID()
  const tell = (): void => {
    broker
      .heartbeat(id, JSON.stringify(look()))
      .catch((err: unknown) => log.debug({ err }, 'report not told'))
  }
  tell()
  const timer = setInterval(tell, HEARTBEAT_INTERVAL_MS)
  timer.unref()
  return () => clearInterval(timer)
}

/** How all processes are, as far as they can be heard; those of other versions may tell something else, and are left out. */
export async function readReports(broker: Pick<Reporting, 'heartbeats'>): Promise<ProcessState[]> {
  const nowMs = Date.now()
  return (await broker.heartbeats()).flatMap(({ id, ageMs, text }) => {
    const state = decode(text)
    return state === undefined ? [] : [{ id, reportedAtMs: nowMs - ageMs, ...state }]
  })
}

function decode(text: string): HeartbeatState | undefined {
  try {
    const { value, error } = schema.validate(JSON.parse(text), { stripUnknown: true })
    return error === undefined ? value : undefined
  } catch {
    return undefined
  }
}
