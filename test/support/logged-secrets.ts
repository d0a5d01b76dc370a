const SECRET_SETTINGS =
  /^(WEBHOOK_TOKEN|JWT_SECRET|USERSIG_SECRET_KEY|AUTHORIZE_SECRET|REDIS_SIGNING_KEY|REDIS_URL)$/
/** A credential of somebody: a JWT, a UserSig, or what signs a webhook. */
const CREDENTIAL =
  /eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}|eJ[A-Za-z0-9*_-]{100,}|(Sign=|"[Ss]ign":")[0-9a-fA-F]{64}/

const found: string[] = []

/**
 * Which secrets stand in what a process wrote: the names of the settings, and what looks like a credential in a line of its
 * log. Short values are left out: they may be words.
 */
export function secretsIn(output: string, settings: Readonly<Record<string, string | undefined>>): string[] {
  const known = Object.entries(settings).flatMap(([name, value = '']) =>
    SECRET_SETTINGS.test(name) ? secretValues(name, value).map((secret) => ({ name, secret })) : [],
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

/** Remembers what a process must not have written; the whole suite fails for it at its end. */
export function noteSecrets(output: string, settings: Readonly<Record<string, string | undefined>>): void {
  found.push(...secretsIn(output, settings))
}

export const mochaHooks = {
  /** After all tests, for a process may write a secret while none looks. */
  afterAll(): void {
    if (found.length > 0) throw new Error(`secrets were logged: ${found.join(', ')}`)
  },
}
