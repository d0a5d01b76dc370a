import type { RequestHandler } from 'express'
import { GatewayError } from '../../shared/errors.ts'

/** Pages of every origin may read it: it says nothing, and a client that was given a wrong path can then say that. */
export const respondNotFound =
  (detail?: string): RequestHandler =>
  (_request, response) => {
    response.set('Access-Control-Allow-Origin', '*').set('Cross-Origin-Resource-Policy', 'cross-origin')
    throw new GatewayError('NOT_FOUND', detail)
  }
