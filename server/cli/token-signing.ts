import { GatewayError } from '../../shared/errors.ts'
import { signToken } from '../auth/jwt.ts'
import type { Environment } from '../config/settings.ts'
import { parseClaimPath } from '../lib/claim-path.ts'
import type { ClaimPath } from '../lib/claim-path.ts'

type Claims = Parameters<typeof signToken>[0]

/**
 * Returns a function that signs tokens which a gateway with these settings accepts; undefined without JWT_SECRET. Throws CONFIG_INVALID
 * if a claim is named that cannot be.
 */
export function signerOf(settings: Environment): ((claims: Claims) => Promise<string>) | undefined {
  // During a rotation, the first secret signs.
  const [secret] = listOf(settings['JWT_SECRET'])
  if (secret === undefined) return undefined
  const expected = expectedOf(settings)
  return (claims) => signToken(claims, { secret, ...expected })
}

/** What tokens must say where these settings are, and where they say it. */
function expectedOf(settings: Environment): Omit<Parameters<typeof signToken>[1], 'secret'> {
  const pathOf = (name: string): ClaimPath | undefined => {
    const text = settings[name]
    if (text === undefined) return undefined
    try {
      return parseClaimPath(text)
    } catch (error) {
      throw new GatewayError('CONFIG_INVALID', `${name} ${(error as TypeError).message}`)
    }
  }
  return {
    issuers: listOf(settings['JWT_ISSUER']),
    audiences: listOf(settings['JWT_AUDIENCE']),
    names: {
      sub: pathOf('JWT_SUB_CLAIM'),
      role: pathOf('JWT_ROLE_CLAIM'),
      adminValues: listOf(settings['JWT_ADMIN_VALUES']),
      rooms: pathOf('JWT_ROOMS_CLAIM'),
    },
  }
}

/** As settings are written, with commas. */
const listOf = (text = ''): string[] =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
