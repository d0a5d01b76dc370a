import { SignJWT } from 'jose'
import { GatewayError } from '../../shared/errors.ts'
import type { Conversation } from '../../shared/recall.ts'
import { withDevCredentials } from '../config/environment.ts'
import type { Terminal } from './command.ts'

interface TokenClaims {
  readonly id: string
  readonly role: 'admin' | 'member'
  readonly rooms: readonly Conversation[]
  readonly ttlS: number
}

interface Issuing {
  readonly secret: string
  readonly issuer?: string | undefined
  readonly audience?: string | undefined
}

/** A JWT that a gateway with these settings takes. */
export function signToken(
  { id, role, rooms, ttlS }: TokenClaims,
  { secret, issuer, audience }: Issuing,
): Promise<string> {
  const nowS = Math.floor(Date.now() / 1_000)
  const named = {
    ...(issuer !== undefined && { iss: issuer }),
    ...(audience !== undefined && { aud: audience }),
  }
  return new SignJWT({ role, ...(rooms.length > 0 && { rooms }), ...named })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(id)
    .setIssuedAt(nowS)
    .setExpirationTime(nowS + ttlS)
    .sign(new TextEncoder().encode(secret))
}

interface TokenOptions {
  readonly sub: string
  readonly admin: boolean
  readonly group: readonly string[]
  readonly topic: readonly string[]
  readonly ttlS: number
}

/** Prints a token made with `JWT_SECRET`. Throws CONFIG_INVALID when there is none. */
export async function token(options: TokenOptions, { environment, print }: Terminal): Promise<void> {
  const { JWT_SECRET, JWT_ISSUER: issuer, JWT_AUDIENCE: audience } = withDevCredentials(environment)
  // The first one signs while several are valid.
  const secret = JWT_SECRET?.split(',')[0]?.trim()
  if (secret === undefined) throw new GatewayError('CONFIG_INVALID', 'JWT_SECRET is missing')
  const [onlyGroup, ...others] = options.group
  if (options.topic.length > 0 && (onlyGroup === undefined || others.length > 0)) {
    throw new GatewayError('CONFIG_INVALID', '--topic needs exactly one --group, the one of the topic')
  }
  const rooms =
    options.topic.length > 0 && onlyGroup !== undefined
      ? options.topic.map((topic) => ({ group: onlyGroup, topic }))
      : options.group.map((group) => ({ group }))
  const role = options.admin ? 'admin' : 'member'
  print(await signToken({ id: options.sub, role, rooms, ttlS: options.ttlS }, { secret, issuer, audience }))
}
