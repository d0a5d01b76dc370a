import { readFileSync } from 'node:fs'
import { GatewayError } from '../../shared/errors.ts'
import { configSchema } from './config.ts'
import type { Environment } from './settings.ts'
import { SECRET } from './setting-types.ts'

/** The names of the settings that are secret. */
export const SECRET_SETTINGS: readonly string[] = Object.entries(
  configSchema.describe().keys as Readonly<Record<string, { readonly tags?: readonly string[] }>>,
)
  .filter(([, { tags }]) => tags?.includes(SECRET))
  .map(([name]) => name)

/**
 * Returns the environment with the secrets that are in files: `JWT_SECRET_FILE` names a file that contains `JWT_SECRET`. Throws
 * CONFIG_INVALID if a file cannot be read, or if both variables are set.
 */
export function withSecretFiles(environment: Environment): Environment {
  const secrets: Record<string, string> = {}
  for (const name of SECRET_SETTINGS) {
    const file = environment[`${name}_FILE`]
    if (!file) continue
    if (environment[name]) throw new GatewayError('CONFIG_INVALID', `both ${name} and ${name}_FILE are set`)
    secrets[name] = readSecret(name, file)
  }
  return { ...environment, ...secrets }
}

function readSecret(name: string, file: string): string {
  try {
    // Without the line break and the byte order mark that editors add.
    return readFileSync(file, 'utf8').trim()
  } catch (cause) {
    throw new GatewayError(
      'CONFIG_INVALID',
      `cannot read the file named by ${name}_FILE (${codeOf(cause)})`,
      {
        cause,
      },
    )
  }
}

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason'
