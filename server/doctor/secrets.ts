import { createHash } from 'node:crypto'
import { UNSEEN } from '../../shared/unseen.ts'
import type { Config } from '../config/settings.ts'
import { critical, ok, warning } from './finding.ts'
import type { Finding } from './finding.ts'

/** What documents and people write where a secret belongs. Compared without case, and without a number at the end. */
const EXAMPLES =
  /^(xxxx*y*|x+|test|example|secret|password|passwort|change-?_?me|token|webhook-?_?token|jwt-?_?secret|my-?_?(token|secret)|tencent|admin|todo|replace-?_?me|your-?_?(token|secret)|…|\.+|0123456789abcdef.*)$/i
const ONE_CHARACTER = /^(.)\1*$/s
const MIN_TOKEN_LENGTH = 16
/** Of a key that somebody typed, or that repeats itself. */
const MIN_DIFFERENT_CHARACTERS = 8

type Secrets = Pick<
  Config,
  'WEBHOOK_TOKEN' | 'JWT_SECRET' | 'REDIS_SIGNING_KEY' | 'AUTHORIZE_SECRET' | 'USERSIG_SECRET_KEY'
>

const MAKE = 'Make one with openssl rand -hex 32, and rotate it as "Rotate the token" in operations.md says'

/** Judges how hard the secrets are to guess; pure. The findings do not contain them. */
export function judgeSecrets(settings: Secrets): Finding[] {
  const secrets: readonly (readonly [name: string, secret: string])[] = [
    ...settings.WEBHOOK_TOKEN.map((secret) => ['WEBHOOK_TOKEN', secret] as const),
    ...settings.JWT_SECRET.map((secret) => ['JWT_SECRET', secret] as const),
    ...settings.REDIS_SIGNING_KEY.map((secret) => ['REDIS_SIGNING_KEY', secret] as const),
    ...(settings.AUTHORIZE_SECRET === undefined
      ? []
      : ([['AUTHORIZE_SECRET', settings.AUTHORIZE_SECRET]] as const)),
    ...(settings.USERSIG_SECRET_KEY === undefined
      ? []
      : ([['USERSIG_SECRET_KEY', settings.USERSIG_SECRET_KEY]] as const)),
  ]
  const findings = [
    ...secrets.flatMap(([name, secret]) => judgeSecret(name, secret)),
    ...sharedSecrets(secrets),
  ]
  return findings.length > 0 ? findings : [ok('secrets', 'no secret is an example, short or used twice')]
}

function judgeSecret(name: string, secret: string): Finding[] {
  // A page from which it was copied may have had one, and no signature of the other side will match.
  const [unseen] = secret.match(UNSEEN) ?? []
  if (unseen !== undefined)
    return [
      warning(
        'secrets',
        `${name} has a character that nobody sees (U+${(unseen.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')})`,
        'Unless the other side has it too, nothing that is signed with it matches: write it anew',
      ),
    ]
  if ([secret, secret.replace(/\d+$/, '')].some((text) => EXAMPLES.test(text)) || ONE_CHARACTER.test(secret))
    return [critical('secrets', `${name} is an example that anybody can guess`, MAKE)]
  if (name === 'WEBHOOK_TOKEN' && secret.length < MIN_TOKEN_LENGTH)
    return [warning('secrets', `${name} has ${secret.length} characters only`, MAKE)]
  if (new Set(secret).size < MIN_DIFFERENT_CHARACTERS)
    return [warning('secrets', `${name} has few different characters`, MAKE)]
  return []
}

/** Whoever knows the one knows the other: the webhook token is known to the provider, too. */
function sharedSecrets(secrets: readonly (readonly [name: string, secret: string])[]): Finding[] {
  const names = new Map<string, Set<string>>()
  for (const [name, secret] of secrets) {
    const digest = createHash('sha256').update(secret).digest('hex')
    names.set(digest, (names.get(digest) ?? new Set()).add(name))
  }
  return [...names.values()]
    .filter((shared) => shared.size > 1)
    .map((shared) => warning('secrets', `${[...shared].join(' and ')} are the same secret`, MAKE))
}
