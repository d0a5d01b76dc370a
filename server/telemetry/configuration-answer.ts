import Joi from 'joi'
import { GatewayError } from '../../shared/errors.ts'
import type { ConfigurationAnswer } from './configurations.ts'

const MAX_SETTINGS = 200
const text = (max: number): Joi.StringSchema => Joi.string().allow('').max(max).required()

const schema = Joi.object<ConfigurationAnswer>({
  host: text(64),
  role: Joi.valid('all', 'receiver', 'node').required(),
  version: text(64),
  node: text(64),
  keys: text(16),
  settings: Joi.array()
    .items(
      Joi.object({
        name: Joi.string()
          .pattern(/^[A-Z][A-Z_\d]{0,63}$/)
          .required(),
        value: Joi.string().allow('', null).max(512).required(),
        origin: Joi.valid('default', 'environment', 'file').required(),
        mark: text(16),
      }),
    )
    .max(MAX_SETTINGS)
    .required(),
})

/** Throws PROCESS_UNREACHABLE for what no process answers. What a later version adds is ignored. */
export function decodeConfiguration(answer: string): ConfigurationAnswer {
  try {
    return Joi.attempt(JSON.parse(answer), schema, { stripUnknown: true, convert: false })
  } catch {
    throw new GatewayError('PROCESS_UNREACHABLE', 'its answer makes no sense')
  }
}
