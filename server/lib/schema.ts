import Joi from 'joi'
import { MAX_IDENTIFIER_BYTES, isIdentifier } from '../../shared/identifier.ts'

/** Any printable text, as `isIdentifier` says. */
export const identifier: Joi.StringSchema = Joi.string()
  .custom((text: string, helpers) => (isIdentifier(text) ? text : helpers.error('identifier')))
  .messages({ identifier: `{{#label}} must be printable text of at most ${MAX_IDENTIFIER_BYTES} bytes` })
