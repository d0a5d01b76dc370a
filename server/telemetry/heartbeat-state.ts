import Joi from 'joi'
import type { ProcessState } from '../../shared/http-api.ts'
import { VERSION } from '../../shared/version.ts'

/** What a process sends in a heartbeat. The broker adds the id and the age. */
export type HeartbeatState = Omit<ProcessState, 'id' | 'reportedAtMs'> & {
  /** The last heartbeat of a process that stopped cleanly: a goodbye. */
  readonly stopping?: true
}

/** Maximum size of a heartbeat; see `Broker`. */
export const MAX_HEARTBEAT_BYTES = 4_096
const MAX_SENTENCES = 4
/** Tried one after another, until the heartbeat is small enough: a character can take several bytes. */
const SENTENCE_LENGTHS = [300, 100, 25, 0]
const [MAX_SENTENCE_LENGTH = 0] = SENTENCE_LENGTHS
/** Of host and version. A longer one counts as missing. */
const MAX_NAME_LENGTH = 64

/** `sentMs`: when it was sent, by a clock of its process that is never set, so that others see how late it comes. */
export type SentState = HeartbeatState & { readonly sentMs?: number }

export function encodeHeartbeat(state: SentState): string {
  const texts = SENTENCE_LENGTHS.map(
    (length) => () => JSON.stringify({ v: VERSION, ...shortened(state, length) }),
  )
  const fitting = texts.find((text) => Buffer.byteLength(text()) <= MAX_HEARTBEAT_BYTES) ?? texts.at(-1)
  return fitting?.() ?? ''
}

function shortened(state: SentState, length: number): SentState {
  const cut = (sentences: readonly string[]): string[] =>
    sentences.slice(0, MAX_SENTENCES).map((sentence) => sentence.slice(0, length))
  const { delivery } = state
  return {
    ...state,
    reasons: cut(state.reasons),
    warnings: cut(state.warnings),
    ...(delivery?.proved === false && {
      delivery: { ...delivery, reason: delivery.reason.slice(0, length) },
    }),
  }
}

const count = Joi.number().min(0).required()
const quantile = Joi.number().allow(null).required()
/** Missing in heartbeats of earlier versions. */
const sentences = Joi.array()
  .items(Joi.string().allow('').max(MAX_SENTENCE_LENGTH))
  .max(MAX_SENTENCES)
  .default([])
/** Of another shape in a heartbeat of a later version, it counts as missing: the process is alive all the same. */
const optional = (schema: Joi.Schema): Joi.Schema =>
  Joi.any().custom((value: unknown) => {
    const { value: known, error } = schema.validate(value, {
      stripUnknown: true,
    }) as Joi.ValidationResult<unknown>
    return error === undefined ? known : undefined
  })
const byCode = Joi.object().pattern(Joi.string().max(40), Joi.number().min(0)).max(16).required()
const age = Joi.number().allow(null).required()

const schema = Joi.object<HeartbeatState>({
  role: Joi.valid('all', 'receiver', 'node').required(),
  host: optional(Joi.string().max(MAX_NAME_LENGTH)),
  version: optional(Joi.string().max(MAX_NAME_LENGTH)),
  startedAtMs: count,
  ready: Joi.boolean().required(),
  draining: optional(Joi.valid(true)),
  stopping: optional(Joi.valid(true)),
  dataFolder: optional(Joi.string().max(64)),
  sockets: count,
  rooms: count,
  probeAgeMs: count,
  delivery: optional(
    Joi.object({
      proved: Joi.boolean().required(),
      doubtMs: Joi.number().min(0).when('proved', { is: false, then: Joi.required() }),
      reason: Joi.string()
        .allow('')
        .max(MAX_SENTENCE_LENGTH)
        .when('proved', { is: false, then: Joi.required() }),
    }),
  ),
  memory: optional(Joi.object({ waitingBytes: count, budgetBytes: count, pressedMs: count })),
  unreadable: optional(Joi.object({ count, ageMs: count })),
  webhooks: optional(
    Joi.object({
      ok: count,
      refused: byCode,
      failed: byCode,
      lastOkAgeMs: age,
      refusedInARow: count,
      refusedForMs: age,
      lastFailedAgeMs: age,
    }),
  ),
  reasons: sentences,
  warnings: sentences,
  powerCut: optional(Joi.valid('nothing', 'seconds', 'minutes', 'everything', 'unknown')),
  spool: Joi.object({ recalls: count, bytes: count, ageMs: count, full: optional(Joi.valid(true)) }),
  quarantined: optional(Joi.number().min(0)),
  relay: optional(
    Joi.object({ requests: count, bytes: count, ageMs: count, isDown: Joi.boolean().required() }),
  ),
  counts: Joi.object({ webhooksOk: count, webhooksRefused: count, kept: count, delivered: count }).required(),
  latencyMs: Joi.object({ p50: quantile, p99: quantile }).required(),
})

/** Returns undefined for a heartbeat that this version cannot read. */
export function decodeHeartbeat(text: string): HeartbeatState | undefined {
  try {
    const { value, error } = schema.validate(JSON.parse(text), { stripUnknown: true })
    return error === undefined ? value : undefined
  } catch {
    return undefined
  }
}
