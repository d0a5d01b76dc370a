import type { Request, RequestHandler, Response } from 'express'
import Joi from 'joi'
import { asGatewayError, reasonOf } from '../../shared/errors.ts'
import type { AuditEntry, AuditResponse } from '../../shared/http-api/audit.ts'
import { isShallow, parseRecord } from '../../shared/json.ts'
import type { Broker } from '../broker/broker.ts'
import type { ClientAddress } from '../http/client-address.ts'
import type { Logger } from '../telemetry/logger.ts'
import { principalOf } from './bearer-auth.ts'
import { GatheredActs } from './gathered-acts.ts'
import type { NewEntry } from './gathered-acts.ts'
import { parseQuery, wholeNumber } from './requests.ts'

const MAX_ENTRIES = 100
/** Acts that wait for a store that is unavailable. Further ones are in the log alone. */
const MAX_WAITING = 1_000
const RETRY_MS = 5_000
/** An act counts as so many more requests, so that nobody pushes the acts of months out of the audit in a minute. */
export const CHARGE_OF_ACTS = 5
/** An entry with its longest identifiers fits into a record then. */
const MAX_TEXT_LENGTH = 300
const MAX_DETAILS_BYTES = 2_048

type Act = Pick<AuditEntry, 'action' | 'details'>
type Outcome = Pick<AuditEntry, 'result' | 'code'>

export interface Audit {
  /**
   * Records an act of the admin who sent this request. Resolves once it is stored, or in the log if it cannot be stored now, or is one of so
   * many that they are recorded together. Never rejects.
   */
  note(request: Request, response: Response, act: Act, outcome?: Outcome): Promise<void>
  /** Does the work, and records it with its outcome before it settles in the same way. `more` adds what only the outcome tells. */
  during<T>(
    request: Request,
    response: Response,
    act: Act,
    work: () => Promise<T>,
    more?: (value: T) => Act['details'],
  ): Promise<T>
  /** Tries once more to store what waits. */
  stop(): Promise<void>
}

interface AuditDependencies {
  readonly broker: Pick<Broker, 'record'>
  readonly addressOf: ClientAddress
  readonly log: Logger
  readonly retryMs?: number
  readonly windowMs?: number
  readonly nowMs?: () => number
}

/**
 * Records what admins do, with the store behind the broker. While that is unavailable, acts wait in memory, and stand in the log at once:
 * an outage must not keep an admin from acting, and no act may be lost without a trace.
 */
export function createAudit({
  broker,
  addressOf,
  log,
  retryMs = RETRY_MS,
  ...options
}: AuditDependencies): Audit {
  const gathered = new GatheredActs({ keep, ...options })
  let waiting: string[] = []
  let storing: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined

  const store = (text: string): Promise<void> => broker.record('audit', text)

  async function storeWaiting(): Promise<void> {
    const count = waiting.length
    try {
      for (let [text] = waiting; text !== undefined; [text] = waiting) {
        await store(text)
        waiting = waiting.slice(1)
      }
      if (count > 0) log.info({ count }, 'acts of admins are recorded')
    } catch {
      timer ??= setTimeout(() => {
        timer = undefined
        void storeSoon()
      }, retryMs).unref()
    }
  }

  const storeSoon = (): Promise<void> => (storing ??= storeWaiting().finally(() => (storing = undefined)))

  const toEntry = (
    request: Request,
    response: Response,
    { action, details }: Act,
    outcome: Outcome,
  ): NewEntry => ({
    atMs: Date.now(),
    admin: principalOf(response).id,
    address: addressOf(request),
    action,
    details: cut(details),
    ...outcome,
  })

  async function note(
    request: Request,
    response: Response,
    act: Act,
    outcome: Outcome = { result: 'done' },
  ): Promise<void> {
    const entry = toEntry(request, response, act, outcome)
    log.info({ act: entry }, 'act of an admin')
    if (!gathered.add(entry)) await keep(entry)
  }

  async function keep(entry: NewEntry): Promise<void> {
    const text = JSON.stringify(entry)
    try {
      await store(text)
    } catch (error) {
      const isKept = waiting.length < MAX_WAITING
      log.error(
        { act: entry, reason: reasonOf(error), waits: isKept },
        isKept ? 'act of an admin not recorded yet, retrying' : 'act of an admin not recorded',
      )
      if (isKept) waiting.push(text)
      void storeSoon()
    }
  }

  return {
    note,

    async during(request, response, act, work, more = () => ({})) {
      // Its outcome may never be recorded, if the process ends meanwhile.
      log.info({ act: toEntry(request, response, act, { result: 'begun' }) }, 'act of an admin begins')
      let value
      try {
        value = await work()
      } catch (error) {
        await note(request, response, act, { result: 'failed', code: asGatewayError(error).code })
        throw error
      }
      await note(request, response, { ...act, details: { ...act.details, ...more(value) } })
      return value
    },

    async stop() {
      await gathered.stop()
      await storing
      if (waiting.length > 0) await storeSoon()
      clearTimeout(timer)
      if (waiting.length > 0) log.error({ count: waiting.length }, 'acts of admins are in this log alone')
    },
  }
}

/** Shortens long texts; if the whole is too long nevertheless, leaves out what makes it so. */
function cut(details: Act['details']): Act['details'] {
  const short: Record<string, unknown> = {}
  let bytes = 0
  for (const [key, value] of Object.entries(details)) {
    if (value === undefined) continue
    const cutValue =
      typeof value === 'string' && value.length > MAX_TEXT_LENGTH
        ? `${value.slice(0, MAX_TEXT_LENGTH)}…`
        : value
    bytes += Buffer.byteLength(JSON.stringify(cutValue))
    short[key] = bytes > MAX_DETAILS_BYTES ? '…' : cutValue
  }
  return short
}

interface AuditQuery {
  readonly before?: string
  readonly limit: number
}

const auditSchema = Joi.object<AuditQuery>({
  before: Joi.string().empty('').max(64),
  limit: wholeNumber(1, MAX_ENTRIES).default(MAX_ENTRIES),
})

/** `GET /v1/audit`: what admins did, the newest first. */
export function createAuditHandler({ broker }: { readonly broker: Pick<Broker, 'records'> }): RequestHandler {
  return async (request, response) => {
    const { before, limit } = parseQuery(auditSchema, request)
    const { records, ...read } = await broker.records('audit', { before, limit })
    const last = records.length === limit ? records.at(-1)?.id : undefined
    const entries = records.flatMap(({ id, text }) => decode(id, text) ?? [])
    const unreadable = read.unreadable + records.length - entries.length
    response.json({
      ok: true,
      entries,
      ...(unreadable > 0 && { unreadable }),
      ...(last !== undefined && { cursor: last }),
    } satisfies AuditResponse)
  }
}

/** Returns undefined for what is no act: someone who can write to Redis without a key may write anything. */
function decode(id: string, text: string): AuditEntry | undefined {
  const { value, error } = entrySchema.validate(parseRecord(text), { stripUnknown: true })
  return error === undefined && isShallow(value) ? { id, ...value } : undefined
}

/** A later version may know other actions. */
const entrySchema = Joi.object<Omit<AuditEntry, 'id'>>({
  atMs: Joi.number().integer().min(0).required(),
  admin: Joi.string().required(),
  address: Joi.string().required(),
  action: Joi.string().required(),
  details: Joi.object().unknown().required(),
  result: Joi.string().required(),
  code: Joi.string(),
}).required()
