import { randomUUID } from 'node:crypto'
import Joi from 'joi'
import type { Logger } from './logger.ts'

const REPORT_EVERY_MS = 2_000

/** How a process is. Counts are since its start. */
export interface ProcessState {
  readonly role: 'all' | 'receiver' | 'node'
  readonly startedAtMs: number
  readonly ready: boolean
  readonly sockets: number
  readonly rooms: number
  /** Since it was proved that what is published arrives there. */
  readonly probeAgeMs: number
  readonly spool?: { readonly recalls: number; readonly bytes: number; readonly ageMs: number }
  readonly counts: {
    readonly webhooksOk: number
    readonly webhooksRefused: number
    readonly kept: number
    readonly delivered: number
  }
  /** From the webhook to the sockets, of the last minute; null where nothing was delivered. */
  readonly latencyMs: { readonly p50: number | null; readonly p99: number | null }
}

/** What was told to all processes: at most ten seconds ago. */
interface Report {
  readonly id: string
  readonly ageMs: number
  readonly text: string
}

interface Reporting {
  report(id: string, text: string): Promise<void>
  reports(): Promise<readonly Report[]>
}

const count = Joi.number().min(0).required()
const quantile = Joi.number().allow(null).required()
const schema = Joi.object<ProcessState>({
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
export function startReporting(broker: Reporting, look: () => ProcessState, log: Logger): () => void {
  const id = randomUUID()
  const tell = (): void => {
    broker.report(id, JSON.stringify(look())).catch((err: unknown) => log.debug({ err }, 'report not told'))
  }
  tell()
  const timer = setInterval(tell, REPORT_EVERY_MS)
  timer.unref()
  return () => clearInterval(timer)
}

/** How all processes are, as far as they can be heard; those of other versions may tell something else, and are left out. */
export async function readReports(broker: Pick<Reporting, 'reports'>) {
  const nowMs = Date.now()
  return (await broker.reports()).flatMap(({ id, ageMs, text }) => {
    const state = decode(text)
    return state === undefined ? [] : [{ id, reportedAtMs: nowMs - ageMs, ...state }]
  })
}

function decode(text: string): ProcessState | undefined {
  try {
    const { value, error } = schema.validate(JSON.parse(text), { stripUnknown: true })
    return error === undefined ? value : undefined
  } catch {
    return undefined
  }
}
