import { SECRET_SETTINGS } from '../../server/config/secrets.ts'

/** Matches credentials: a JWT, a UserSig, or the signature of a webhook. */
const CREDENTIAL =
  /eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}|eJ[A-Za-z0-9*_-]{100,}|(Sign=|"[Ss]ign":")[0-9a-fA-F]{64}/

const found: string[] = []

/**
 * Returns the secrets in the output of a process: the names of the settings, and the start of whatever looks like a
 * credential in a line of its log. Ignores settings with short values, which may be ordinary words.
 */
export function secretsIn(output: string, settings: Readonly<Record<string, string | undefined>>): string[] {
  const known = Object.entries(settings).flatMap(([name, value = '']) =>
    SECRET_SETTINGS.includes(name) ? secretValues(name, value).map((secret) => ({ name, secret })) : [],
  )
  const named = known
    .filter(({ secret }) => secret.length >= 8 && output.includes(secret))
    .map(({ name }) => name)
  const credentials = output
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .flatMap((line) => CREDENTIAL.exec(line)?.[0].slice(0, 12) ?? [])
  return [...named, ...credentials]
}

const secretValues = (name: string, value: string): string[] =>
  name === 'REDIS_URL' ? [URL.canParse(value) ? new URL(value).password : ''] : value.split(',')

/** Records the secrets in the output of a process. The suite fails at its end if there are any. */
export function recordSecrets(output: string, settings: Readonly<Record<string, string | undefined>>): void {
  found.push(...secretsIn(output, settings))
}

export const mochaHooks = {
  /** Runs after all tests, because a process may log a secret at any time. */
  afterAll(): void {
    if (found.length > 0) throw new Error(`secrets were logged: ${found.join(', ')}`)
  },
}
