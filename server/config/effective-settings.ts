import type { EffectiveSetting } from '../../shared/http-api/configuration.ts'
import { configSchema } from './config.ts'
import { SECRET_SETTINGS } from './secrets.ts'
import type { Config, Environment } from './settings.ts'

/** A setting, and for comparisons alone its whole value; null if it is not set. */
export interface KnownSetting extends EffectiveSetting {
  readonly whole: string | null
}

/** Longer values are cut: what is shown is read by people. */
const MAX_VALUE_CHARACTERS = 512

/**
 * Returns every setting with its origin. `environment`: as the process got it. `given`: completed with secrets out of files and, for
 * `--dev`, with its own values. `config`: what became of them.
 */
export function effectiveSettings(
  environment: Environment,
  given: Environment,
  config: Config,
): KnownSetting[] {
  return Object.keys(configSchema.describe().keys as object).map((name) => {
    const text = given[name] || undefined
    const whole = text ?? written(config[name as keyof Config])
    const value = whole === null ? null : shown(name, whole).slice(0, MAX_VALUE_CHARACTERS)
    return { name, value, whole, origin: originOf(name, text, environment) }
  })
}

function originOf(
  name: string,
  text: string | undefined,
  environment: Environment,
): EffectiveSetting['origin'] {
  if (text === undefined) return 'default'
  if (environment[name]) return 'environment'
  // Otherwise, `--dev` has set it: its credentials are in a file, its other values are defaults of its own.
  return environment[`${name}_FILE`] || SECRET_SETTINGS.includes(name) || name === 'SDK_APP_ID'
    ? 'file'
    : 'default'
}

/** As it would stand in the environment. */
function written(value: Config[keyof Config]): string | null {
  if (value === undefined) return null
  if (Array.isArray(value)) return value.length === 0 ? null : value.join(',')
  if (typeof value === 'number' || typeof value === 'string') return String(value)
  const entries = Object.entries(value).map((entry) => entry.join('='))
  return entries.length === 0 ? null : entries.join(',')
}

/** What of a value may be told. */
function shown(name: string, whole: string): string {
  switch (name) {
    case 'REDIS_URL':
      return whole
        .split(',')
        .map((address) => withoutCredentials(address.trim()))
        .join(',')
    // Paths of webhooks and backends may be secret.
    case 'RELAY_URL':
    case 'TEST_RECALL_URL':
      return withoutPath(whole)
    case 'WEBHOOK_PATH':
      return whole === '/webhook' ? whole : 'set'
    // A parameter of it could be one.
    case 'CONSOLE_LOGIN_URL':
    case 'AUTHORIZE_URL':
    case 'JWKS_URL':
      return whole.replace(/\?.*$/s, '?…')
    // With a protocol that is not ours, nothing of it was checked.
    case 'OTEL_EXPORTER_OTLP_ENDPOINT':
      return whole.replace(/^(.*?\/\/)?.*@/s, '$1***@').replace(/\?.*$/s, '?…')
    default:
      return SECRET_SETTINGS.includes(name) ? 'set' : whole
  }
}

function withoutCredentials(text: string): string {
  if (!URL.canParse(text)) return 'set'
  const { protocol, username, password, host, pathname } = new URL(text)
  return `${protocol}//${username + password === '' ? '' : '***@'}${host}${pathname}`
}

function withoutPath(text: string): string {
  if (!URL.canParse(text)) return 'set'
  const { protocol, host, pathname } = new URL(text)
  return `${protocol}//${host}${pathname === '/' ? '' : '/…'}`
}
