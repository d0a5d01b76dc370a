import type { IncomingHttpHeaders } from 'node:http'

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
