import Joi from 'joi'
import { GatewayError } from '../../shared/errors.ts'
import type { ErrorCode } from '../../shared/errors.ts'
import { isIdentifier, MAX_IDENTIFIER_BYTES } from '../../shared/identifier.ts'

const MAX_MESSAGES = 5

/** Printable text, as `isIdentifier` defines it. */
export const identifier: Joi.StringSchema = Joi.string()
  .custom((text: string, { error }) => (isIdentifier(text) ? text : error('identifier')))
  .messages({ identifier: `{{#label}} must be printable text of at most ${MAX_IDENTIFIER_BYTES} bytes` })

/** What a caller may write for a value that it does not set: typed languages write null or an empty text. */
export const UNSET = Joi.valid(null, '')

/**
 * Returns the input, converted as the schema says. Throws a GatewayError with this code if it is invalid; the message names the
 * invalid fields, at most `maxMessages` of them.
 */
export function validate<T>(
  schema: Joi.ObjectSchema<T>,
  input: unknown,
  code: ErrorCode,
  maxMessages = MAX_MESSAGES,
): T {
  const { value, error } = schema.validate(input, { abortEarly: false })
  if (error === undefined) return value
  const messages = error.details.slice(0, maxMessages).map(({ message }) => message)
  throw new GatewayError(code, messages.join('; '))
}
