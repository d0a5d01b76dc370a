import express from 'express'
import type { Request, RequestHandler } from 'express'
import type { ObjectSchema } from 'joi'
import { GatewayError } from '../../shared/errors.ts'

const BODY_AT_MOST_BYTES = 16 * 1024

const readText = express.text({ limit: BODY_AT_MOST_BYTES, type: () => true })

/** Reads the body of a request, whatever it says that it is. */
export const readBody: RequestHandler = (request, response, next) =>
  readText(request, response, (cause: unknown) =>
    cause === undefined
      ? next()
      : next(new GatewayError('REQUEST_MALFORMED', 'the body is too large or not whole', { cause })),
  )

/** What the body says. Throws REQUEST_MALFORMED naming every wrong field. */
export function checkBody<T>(schema: ObjectSchema<T>, { body }: Request): T {
  const { value, error } = schema.validate(parse(body), { abortEarly: false })
  if (error === undefined) return value
  throw new GatewayError('REQUEST_MALFORMED', error.details.map(({ message }) => message).join('; '))
}

function parse(body: unknown): unknown {
  try {
    return JSON.parse(String(body))
  } catch {
    throw new GatewayError('REQUEST_MALFORMED', 'the body is not JSON')
  }
}
