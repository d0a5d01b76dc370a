import Joi from 'joi'
import { parseRecord } from '../../shared/json.ts'
import { HEALTH_MARKS } from '../../shared/http-api/health-history.ts'
import type { HealthMark, HealthSample, ProcessHistory } from '../../shared/http-api/health-history.ts'
import { VERSION } from '../../shared/version.ts'

/** Of samples in one record, which has at most 4 KiB. */
export const MAX_SAMPLES_IN_RECORD = 24
export const MAX_MARKS_IN_RECORD = 24

const MARKS: ReadonlySet<string> = new Set(HEALTH_MARKS)

/** In this order, in a list: names would take most of the record. */
const FIELDS = [
  'atMs',
  'recallsPerSecond',
  'deliveriesPerSecond',
  'p50Ms',
  'p99Ms',
  'sockets',
  'spooled',
  'probeAgeMs',
  'busy',
  'memoryMb',
] as const satisfies readonly (keyof HealthSample)[]
/** Null where there was nothing to measure. */
const OPTIONAL: ReadonlySet<string> = new Set([
  'recallsPerSecond',
  'deliveriesPerSecond',
  'p50Ms',
  'p99Ms',
] satisfies (keyof HealthSample)[])

const MAX_ROWS = 64
const MAX_MARK_LENGTH = 20

/** Without what is in the lists: with Joi, the numbers of an hour of 50 processes would take half a second. */
const schema = Joi.object<{
  id: string
  host: string
  role: ProcessHistory['role']
  s: unknown[]
  m: unknown[]
}>({
  id: Joi.string()
    .pattern(/^[0-9a-f-]{36}$/)
    .required(),
  host: Joi.string().max(64).required(),
  role: Joi.valid('all', 'receiver', 'node').required(),
  s: Joi.array().max(MAX_ROWS).required(),
  m: Joi.array().max(MAX_ROWS).required(),
})

export const encodeHistory = ({ id, host, role, samples, marks }: ProcessHistory): string =>
  JSON.stringify({
    v: VERSION,
    id,
    host,
    role,
    s: samples.map((sample) => FIELDS.map((field) => sample[field])),
    m: marks.map(({ atMs, what }) => [atMs, what]),
  })

/** Returns undefined for what this version cannot read. */
export function decodeHistory(text: string): ProcessHistory | undefined {
  const { value, error } = schema.validate(parseRecord(text), { stripUnknown: true, convert: false })
  if (error !== undefined || value === undefined) return undefined
  const { s, m, ...process } = value
  const samples = s.flatMap((row) => toSample(row) ?? [])
  const marks = m.flatMap((row) => toMark(row) ?? [])
  if (samples.length < s.length || marks.length < m.length) return undefined
  // Later versions may have others.
  return { ...process, samples, marks: marks.filter(({ what }) => MARKS.has(what)) }
}

function toSample(row: unknown): HealthSample | undefined {
  if (!Array.isArray(row) || row.length !== FIELDS.length) return undefined
  const sample: Record<string, unknown> = {}
  for (const [i, field] of FIELDS.entries()) {
    const value: unknown = row[i]
    if (!isNumber(value) && !(value === null && OPTIONAL.has(field))) return undefined
    sample[field] = value
  }
  return sample as unknown as HealthSample
}

function toMark(row: unknown): HealthMark | undefined {
  const [atMs, what] = Array.isArray(row) && row.length === 2 ? (row as unknown[]) : []
  if (!isNumber(atMs) || typeof what !== 'string' || what.length > MAX_MARK_LENGTH) return undefined
  return { atMs, what: what as HealthMark['what'] }
}

/** No larger than a number can be told apart from the next one, as of a time. */
const isNumber = (value: unknown): value is number =>
  typeof value === 'number' && Math.abs(value) <= Number.MAX_SAFE_INTEGER
