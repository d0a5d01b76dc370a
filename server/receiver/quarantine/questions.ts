import Joi from 'joi'
import { GatewayError } from '../../../shared/errors.ts'
import type { QuarantineKind } from '../../../shared/http-api/quarantine.ts'
import type { EntryFilter } from './entry-index.ts'
import { KINDS } from './kinds.ts'
import type { RetriedMatching, RetryOutcome } from './retrying.ts'

/** An entry in the order of all receivers: by time, and then by folder and number. */
export interface Place {
  readonly atMs: number
  readonly folder: string
  readonly id: number
}

export type Order = 'newest' | 'oldest'

/** What is asked of the receiver that has a data folder, as JSON. */
export type Question =
  | {
      readonly ask: 'list'
      readonly filter: EntryFilter
      readonly order: Order
      /** Where the page before ended. */
      readonly after?: Place | undefined
      readonly limit: number
    }
  | { readonly ask: 'show' | 'retry' | 'drop'; readonly id: number }
  | { readonly ask: 'retry-matching'; readonly filter: EntryFilter; readonly afterId: number }
  | { readonly ask: 'drop-matching'; readonly filter: EntryFilter; readonly afterId: number }

export interface ListedEntry {
  readonly id: number
  readonly kind: QuarantineKind
  readonly reason: string
  readonly receivedAtMs: number
  readonly quarantinedAtMs: number
  readonly command?: string
  readonly bytes: number
}

interface ShownEntry extends ListedEntry {
  readonly query: string
  readonly method?: string
  readonly path?: string
  readonly contentType?: string
  readonly bodyBase64: string
}

/** The answer to each question. */
export interface Answers {
  list: {
    readonly entries: readonly ListedEntry[]
    /** Whether others that match follow. */
    readonly more: boolean
    readonly matching: number
    readonly held: number
    readonly heldBytes: number
  }
  show: ShownEntry
  retry: RetryOutcome
  drop: { readonly dropped: number }
  'retry-matching': RetriedMatching
  'drop-matching': { readonly dropped: number; readonly doneUntil?: number }
}

const count = Joi.number().integer().min(0).required()
const text = Joi.string().allow('')
const kind = Joi.valid(...KINDS)
const filter = Joi.object({ kind, reason: text, command: text }).required()
const place = Joi.object({ atMs: Joi.number().required(), folder: Joi.string().required(), id: count })

const question = Joi.object({
  ask: Joi.valid('list', 'show', 'retry', 'drop', 'retry-matching', 'drop-matching').required(),
}).when('.ask', {
  switch: [
    {
      is: 'list',
      then: Joi.object({
        filter,
        order: Joi.valid('newest', 'oldest').required(),
        after: place,
        limit: Joi.number().integer().min(1).max(100).required(),
      }),
    },
    { is: Joi.valid('show', 'retry', 'drop'), then: Joi.object({ id: count }) },
  ],
  otherwise: Joi.object({ filter, afterId: count }),
})

const listed = {
  id: count,
  kind: kind.required(),
  reason: text.required(),
  receivedAtMs: Joi.number().required(),
  quarantinedAtMs: Joi.number().required(),
  command: Joi.string(),
  bytes: count,
}
const doneUntil = Joi.number().integer().min(0)
const answers: Readonly<Record<keyof Answers, Joi.ObjectSchema>> = {
  list: Joi.object({
    entries: Joi.array().items(Joi.object(listed)).max(100).required(),
    more: Joi.boolean().required(),
    matching: count,
    held: count,
    heldBytes: count,
  }),
  show: Joi.object({
    ...listed,
    query: text.required(),
    method: Joi.string(),
    path: Joi.string(),
    contentType: text,
    bodyBase64: text.required(),
  }),
  retry: Joi.object({ accepted: Joi.boolean().required(), reason: text }),
  drop: Joi.object({ dropped: count }),
  'retry-matching': Joi.object({ accepted: count, refused: count, doneUntil }),
  'drop-matching': Joi.object({ dropped: count, doneUntil }),
}

/** Throws REQUEST_MALFORMED. What a later version adds is ignored. */
export const decodeQuestion = (json: string): Question =>
  decode(
    question,
    json,
    () => new GatewayError('REQUEST_MALFORMED', 'a question that this version does not know'),
  )

/** Throws PROCESS_UNREACHABLE for what is no answer to this question. */
export const decodeAnswer = <Ask extends keyof Answers>(ask: Ask, json: string): Answers[Ask] =>
  decode(answers[ask], json, () => new GatewayError('PROCESS_UNREACHABLE', 'its answer makes no sense'))

function decode<T>(schema: Joi.ObjectSchema, json: string, failure: () => GatewayError): T {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {
    throw failure()
  }
  const { value: decoded, error } = schema.required().validate(value, {
    stripUnknown: true,
    convert: false,
  }) as Joi.ValidationResult<T>
  if (error !== undefined) throw failure()
  return decoded
}
