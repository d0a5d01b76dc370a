import type { RequestHandler } from 'express'
import type { Refusals } from '../telemetry/refusals.ts'
import { respondWithError } from './error-response.ts'
import { originRefusal } from './origins.ts'
import type { OriginCheck } from './origins.ts'

/** The last two mean nothing here. Libraries for requests and for server-sent events add them to each request unasked. */
const ALLOWED_HEADERS = 'Authorization, Content-Type, Last-Event-ID, Cache-Control, X-Requested-With'

/** Lets pages of allowed origins read the responses, and answers their preflight requests. No response may be cached. */
export const allowOrigins =
  (isAllowed: OriginCheck, refusals: Refusals): RequestHandler =>
  (request, response, next) => {
    // Each response is for one credential.
    response.set('Cache-Control', 'no-store').set('X-Content-Type-Options', 'nosniff').vary('Origin')
    const { origin, authorization } = request.headers
    if (origin === undefined) return next()
    if (!isAllowed(request)) {
      // With a credential, it is no page of another origin: its preflight request was refused. Perhaps it is a page of the
      // gateway behind a proxy that changes the host, which needs no permission to read the response.
      if (authorization !== undefined) return next()
      // Without a credential, the response says nothing but why. A page can ask for it when a socket was refused.
      response.set('Access-Control-Allow-Origin', '*')
      return respondWithError(response, refusals.report('http', originRefusal(request.headers), { request }))
    }
    response.set('Access-Control-Allow-Origin', origin).set('Access-Control-Expose-Headers', 'Retry-After')
    if (request.method !== 'OPTIONS') return next()
    response.set('Access-Control-Allow-Headers', ALLOWED_HEADERS)
    response.set('Access-Control-Allow-Methods', 'GET, POST, DELETE').set('Access-Control-Max-Age', '600')
    response.status(204).end()
  }
