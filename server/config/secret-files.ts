import { readFileSync } from 'node:fs'
import { GatewayError } from '../../shared/errors.ts'

/** Settings that may stand in a file, named by the setting with `_FILE` behind it. */
const SECRETS = [
  'WEBHOOK_TOKEN',
  'JWT_SECRET',
  'USERSIG_SECRET_KEY',
  'AUTHORIZE_SECRET',
  'REDIS_URL',
  'REDIS_SIGNING_KEY',
]

type Environment = Readonly<Record<string, string | undefined>>

/** The environment with the secrets that it names files for. Throws CONFIG_INVALID for a file that cannot be read. */
export function withSecretFiles(environment: Environment): Environment {
  const read = SECRETS.filter((name) => environment[`${name}_FILE`]).map((name) => {
    if (environment[name]) throw new GatewayError('CONFIG_INVALID', `${name} and ${name}_FILE are both there`)
    return [name, readSecret(name, environment[`${name}_FILE`] ?? '')]
  })
  return { ...environment, ...(Object.fromEntries(read) as Environment) }
}

function readSecret(name: string, file: string): string {
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '')
  } catch (cause) {
    throw new GatewayError('CONFIG_INVALID', `the file of ${name}_FILE cannot be read`, { cause })
  }
}
