import Joi from 'joi'
import { parseRecord } from '../../shared/json.ts'
import { HEALTH_MARKS } from '../../shared/http-api/health-history.ts'
import type { HealthMark, HealthSample, ProcessHistory } from '../../shared/http-api/health-history.ts'
import { VERSION } from '../../shared/version.ts'

/** Of samples in one record, which has at most 4 KiB. */
export const MAX_SAMPLES_IN_RECORD = 24
export const MAX_MARKS_IN_RECORD = 24

const MARKS: ReadonlySet<string> = new Set(HEALTH_MARKS)

const number = Joi.number().required()
const optional = Joi.number().allow(null).required()
/** In this order, in a list: names would take most of the record. */
const FIELDS = {
  atMs: number,
  recallsPerSecond: optional,
  deliveriesPerSecond: optional,
  p50Ms: optional,
  p99Ms: optional,
  sockets: number,
  spooled: number,
  probeAgeMs: number,
  busy: number,
  memoryMb: number,
} satisfies Record<keyof HealthSample, Joi.Schema>

const schema = Joi.object<{
  id: string
  host: string
  role: ProcessHistory['role']
  s: unknown[][]
  m: unknown[][]
}>({
  id: Joi.string()
    .pattern(/^[0-9a-f-]{36}$/)
    .required(),
  host: Joi.string().max(64).required(),
  role: Joi.valid('all', 'receiver', 'node').required(),
  s: Joi.array()
    .items(Joi.array().ordered(...Object.values(FIELDS)))
    .max(64)
    .required(),
  m: Joi.array()
    .items(
      // Later versions may have others.
      Joi.array().ordered(number, Joi.string().max(20).required()),
    )
    .max(64)
    .required(),
})

export const encodeHistory = ({ id, host, role, samples, marks }: ProcessHistory): string =>
  JSON.stringify({
    v: VERSION,
    id,
    host,
    role,
    s: samples.map((sample) => Object.keys(FIELDS).map((field) => sample[field as keyof HealthSample])),
    m: marks.map(({ atMs, what }) => [atMs, what]),
  })

/** Returns undefined for what this version cannot read. */
export function decodeHistory(text: string): ProcessHistory | undefined {
  const { value, error } = schema.validate(parseRecord(text), { stripUnknown: true, convert: false })
  if (error !== undefined || value === undefined) return undefined
  const { s, m, ...process } = value
  const names = Object.keys(FIELDS)
  return {
    ...process,
    samples: s.map(
      (values) => Object.fromEntries(names.map((name, i) => [name, values[i]])) as unknown as HealthSample,
    ),
    marks: m.map(([atMs, what]) => ({ atMs, what }) as HealthMark).filter(({ what }) => MARKS.has(what)),
  }
}
