import { ERRORS, GatewayError } from '../../../../shared/errors.ts'
import type { ErrorCode } from '../../../../shared/errors.ts'
import { parseRecord } from '../../../../shared/json.ts'
import { isReadableVersion, VERSION } from '../../../../shared/version.ts'

/** What one process asks another. The signature covers all of it. */
export interface Question {
  /** Chosen at random for this question; its answer repeats it. */
  readonly id: string
  /** The random id of the process that asks. */
  readonly from: string
  /** The name that is asked, so that a copy on another channel means nothing. */
  readonly to: string
  /** When it was asked, in ms since 1970, by the clock of the process that asks. */
  readonly askedAtMs: number
  readonly text: string
}

export type AnswerMessage =
  | { readonly id: string; readonly text: string }
  | { readonly id: string; readonly code: ErrorCode; readonly detail: string }

export const encodeQuestion = (question: Question): string => JSON.stringify({ v: VERSION, ...question })

/** Returns undefined for what no gateway asks, or one of a version that this one cannot read. */
export function decodeQuestion(stored: string): Question | undefined {
  const { v, id, from, to, askedAtMs, text } = parseRecord(stored) ?? {}
  const isSound =
    isReadableVersion(v) &&
    isProcessId(id) &&
    isProcessId(from) &&
    typeof to === 'string' &&
    typeof askedAtMs === 'number' &&
    typeof text === 'string'
  return isSound ? { id, from, to, askedAtMs, text } : undefined
}

export const encodeAnswer = (answer: AnswerMessage): string => JSON.stringify(answer)

/** Returns undefined for what no gateway answers. */
export function decodeAnswer(stored: string): AnswerMessage | undefined {
  const { id, text, code, detail } = parseRecord(stored) ?? {}
  if (!isProcessId(id)) return undefined
  if (typeof text === 'string') return { id, text }
  if (typeof code !== 'string' || typeof detail !== 'string') return undefined
  // One of a later version.
  return Object.hasOwn(ERRORS, code)
    ? { id, code: code as ErrorCode, detail }
    : { id, code: 'INTERNAL', detail }
}

/** Returns what an error says besides the text of its code. */
export const detailOf = ({ code, message }: GatewayError): string =>
  message.startsWith(ERRORS[code].text) ? message.slice(ERRORS[code].text.length).replace(/^: /, '') : message

export const errorOf = (code: ErrorCode, detail: string): GatewayError =>
  new GatewayError(code, detail === '' ? undefined : detail)

const isProcessId = (value: unknown): value is string =>
  typeof value === 'string' && /^[0-9a-f-]{36}$/.test(value)
