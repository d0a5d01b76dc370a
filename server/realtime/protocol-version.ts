import { GatewayError } from '../../shared/errors.ts'
import { isRecord } from '../../shared/json.ts'
import { NEWEST_READABLE_VERSION, versionIn } from '../../shared/version.ts'

/**
 * Returns the version of the protocol that the `auth` of a handshake names. Clients that name none speak version 1. Throws for one that
 * this node does not speak.
 */
export function protocolVersionIn(auth: unknown): number {
  const named = isRecord(auth) ? auth['protocolVersion'] : undefined
  const isMissing = named === undefined || named === null || named === ''
  const version = versionIn(isMissing ? undefined : named)
  if (version === undefined)
    throw new GatewayError(
      'REQUEST_MALFORMED',
      'protocolVersion must be a whole number from 1 on, or be missing',
    )
  if (version <= NEWEST_READABLE_VERSION) return version
  const reason = `the client speaks ${version}, and this node up to ${NEWEST_READABLE_VERSION}: update the gateway first`
  throw new GatewayError('VERSION_UNSUPPORTED', reason)
}
