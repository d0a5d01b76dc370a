import { GatewayError } from '../../shared/errors.ts'

/** Bounds of questions and answers between processes; see `Broker.ask`. */
export const MAX_QUESTION_BYTES = 16 * 1024
/** A body of the largest webhook in Base64, and a page of entries, fit. */
export const MAX_ANSWER_BYTES = 1024 * 1024
export const MAX_CONCURRENT_ANSWERS = 16

/** Throws REQUEST_MALFORMED for a question that is too long. */
export function checkQuestion(question: string): void {
  if (Buffer.byteLength(question) > MAX_QUESTION_BYTES)
    throw new GatewayError(
      'REQUEST_MALFORMED',
      `a question to another process is over ${MAX_QUESTION_BYTES} bytes`,
    )
}
