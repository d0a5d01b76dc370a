import type { IncomingHttpHeaders } from 'node:http'
import type { RequestHandler } from 'express'

/**
 * Whether a request may come from a page of its `Origin`: the gateway's own, one of `origins`, or any if they contain `*`.
 * Programs other than browsers send no `Origin` and are allowed: their credential decides what they may see.
 */
export function isAllowedOrigin(
  { origin, host }: Pick<IncomingHttpHeaders, 'origin' | 'host'>,
  origins: readonly string[],
): boolean {
  if (origin === undefined || origins.includes('*') || origins.includes(origin)) return true
  return host !== undefined && (origin === `https://${host}` || origin === `http://${host}`)
}

/** Lets pages of these origins read the responses, and answers their preflight requests. No response may be cached. */
export const allowOrigins =
  (origins: readonly string[]): RequestHandler =>
  (request, response, next) => {
    // Each response is for one credential.
    response.set('Cache-Control', 'no-store').set('X-Content-Type-Options', 'nosniff').vary('Origin')
    const { origin } = request.headers
    if (origin === undefined || !isAllowedOrigin(request.headers, origins)) return next()
    response.set('Access-Control-Allow-Origin', origin)
    if (request.method !== 'OPTIONS') return next()
    response.set('Access-Control-Allow-Headers', 'Authorization, Content-Type, Last-Event-ID')
    response.set('Access-Control-Allow-Methods', 'GET, POST').set('Access-Control-Max-Age', '600')
    response.status(204).end()
  }
