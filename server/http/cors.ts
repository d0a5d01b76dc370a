import type { IncomingHttpHeaders } from 'node:http'
import type { RequestHandler } from 'express'

/**
 * Whether a page of this origin may open a socket. Programs that are no browsers send no `Origin` and are let in: what
 * they may see is decided by their token.
 */
export function isAllowedOrigin(
  { origin, host }: Pick<IncomingHttpHeaders, 'origin' | 'host'>,
  origins: readonly string[],
): boolean {
  if (origin === undefined || origins.includes('*') || origins.includes(origin)) return true
  return host !== undefined && (origin === `https://${host}` || origin === `http://${host}`)
}

/** What is answered is for one credential, and for pages of these origins. */
export const allowOrigins =
  (origins: readonly string[]): RequestHandler =>
  (request, response, next) => {
    response.set('Cache-Control', 'no-store').set('X-Content-Type-Options', 'nosniff').vary('Origin')
    const { origin } = request.headers
    if (origin === undefined || !isAllowedOrigin(request.headers, origins)) return next()
    response.set('Access-Control-Allow-Origin', origin)
    if (request.method !== 'OPTIONS') return next()
    response.set('Access-Control-Allow-Headers', 'Authorization, Content-Type, Last-Event-ID')
    response.set('Access-Control-Allow-Methods', 'GET, POST').set('Access-Control-Max-Age', '600')
    response.status(204).end()
  }
