import type Joi from 'joi'
import { GatewayError } from '../../shared/errors.ts'
import { configSchema } from './config.ts'
import { SECRET_SETTINGS } from './secrets.ts'
import type { Config, Environment } from './settings.ts'

type Setting = keyof Config

/** What is right, after the name of the setting. None contains the value, which may be a secret. */
const MESSAGES = {
  'any.required': 'is missing',
  'any.unknown': 'must not be set',
  'any.only': 'must be one of {#valids}',
  'number.base': 'must be a number',
  'number.integer': 'must be a whole number',
  'number.unsafe': 'must be a smaller number',
  'number.infinity': 'must be a smaller number',
  'number.port': 'must be a port, from 0 to 65535',
  'number.min': 'must be at least {#limit}',
  'number.max': 'must be at most {#limit}',
  'string.empty': 'contains an empty entry',
  'string.min': 'must have at least {#limit} characters',
  'string.max': 'must have at most {#limit} characters',
  'string.hostname': 'must be an address or the name of a host',
  'string.parsed': '{#right}',
  'string.pattern.name': 'must be {#name}',
  'string.pattern.invert.name': 'must not be {#name}',
  'string.uri': 'must be a URL',
  'string.uriCustomScheme': 'must be a URL whose scheme is one of {#scheme}',
  'redis.url': '{#problem}',
  'string.credentials': 'must not contain a user or password: no request would be sent',
  'string.https': 'must begin with https or file: whoever can change the keys can forge tokens',
} satisfies Joi.LanguageMessages

/** Settings that have an effect only beside one of others: set alone, they are a mistake. */
const NEEDS: {
  readonly [Name in Setting]?: readonly (Setting | 'REDIS_MODE=sentinel')[]
} = {
  TEST_RECALL_URL: ['TEST_RECALLS'],
  RELAY_FALLBACK: ['RELAY_URL'],
  RELAY_FALLBACK_OVERRIDES: ['RELAY_URL'],
  RELAY_RECALLS: ['RELAY_URL'],
  RELAY_RETRY_FOR_S: ['RELAY_URL'],
  RELAY_QUEUE_MAX_BYTES: ['RELAY_URL'],
  RELAY_TLS_CA: ['RELAY_URL'],
  RELAY_TLS_CERT: ['RELAY_URL'],
  RELAY_TLS_KEY: ['RELAY_TLS_CERT'],
  REDIS_MODE: ['REDIS_URL'],
  REDIS_SENTINEL_NAME: ['REDIS_MODE=sentinel'],
  REDIS_SENTINEL_USERNAME: ['REDIS_SENTINEL_PASSWORD'],
  REDIS_SENTINEL_PASSWORD: ['REDIS_MODE=sentinel'],
  REDIS_WAIT_REPLICAS: ['REDIS_URL'],
  REDIS_WAIT_AOF: ['REDIS_URL'],
  REDIS_PREFIX: ['REDIS_URL'],
  REDIS_SIGNING_KEY: ['REDIS_URL'],
  SPOOL_MAX_BYTES: ['REDIS_URL'],
  JWT_ISSUER: ['JWT_SECRET', 'JWKS_URL'],
  JWT_AUDIENCE: ['JWT_SECRET', 'JWKS_URL'],
  JWT_SUB_CLAIM: ['JWT_SECRET', 'JWKS_URL'],
  JWT_ROLE_CLAIM: ['JWT_SECRET', 'JWKS_URL'],
  JWT_ADMIN_VALUES: ['JWT_SECRET', 'JWKS_URL'],
  JWT_ROOMS_CLAIM: ['JWT_SECRET', 'JWKS_URL'],
  CONSOLE_LOGIN_URL: ['JWT_SECRET', 'JWKS_URL'],
  ADMIN_USER_IDS: ['USERSIG_SECRET_KEY'],
  AUTHORIZE_SECRET: ['AUTHORIZE_URL'],
  TENCENT_REST_HOST: ['USERSIG_SECRET_KEY'],
  TENCENT_ADMIN_ID: ['TENCENT_REST_HOST'],
  TENCENT_REST_PER_S: ['TENCENT_REST_HOST'],
  MEMBERSHIP_TTL_S: ['AUTHORIZE_URL', 'TENCENT_REST_HOST'],
  TLS_KEY: ['TLS_CERT'],
}

type SettingDescription = { readonly flags?: { readonly default?: unknown } }

const SETTINGS: Readonly<Record<string, SettingDescription>> = configSchema.describe().keys

/** The name of every setting. */
export const settingNames: readonly string[] = Object.keys(SETTINGS)

/**
 * Returns the settings in `environment`, which is not read again. Throws CONFIG_INVALID naming every setting that is missing,
 * invalid or without effect, all in one error, with what is right. The error contains no values: they may be secrets.
 */
export function readConfig(environment: Environment): Config {
  const { value, problems } = checkSettings(environment)
  if (problems.length > 0) throw new GatewayError('CONFIG_INVALID', problems.join('; '))
  for (const setting of Object.values(value)) Object.freeze(setting)
  return Object.freeze(value)
}

/**
 * Returns what is wrong with the settings in `environment`, one sentence each, without values, and the names of those that cannot be
 * read. Unless there are any, `value` holds the settings.
 */
export function checkSettings(environment: Environment) {
  // An empty variable counts as missing: in shells and compose files the two are hard to tell apart.
  const given = Object.fromEntries(
    Object.keys(SETTINGS).map((name) => [name, environment[name] === '' ? undefined : environment[name]]),
  )
  const { value, error } = configSchema.validate(given, {
    abortEarly: false,
    messages: MESSAGES,
    errors: { wrap: { array: false } },
  })
  const details = error?.details ?? []
  const invalid = details.map(({ path, message }) => `${String(path[0])} ${message.replace(/^"[^"]*" /, '')}`)
  const problems = [
    ...new Set([...misread(given), ...invalid, ...withoutEffect(given), ...filesWithoutEffect(environment)]),
  ]
  return { value: value as Config, problems, unreadable: details.map(({ path }) => String(path[0])) }
}

/**
 * What no setting contains, but arrives where a file of variables or a secret is read otherwise than it was written. As the value of
 * a secret it would be accepted, and nothing signed with it would match.
 */
const MISREAD: readonly (readonly [pattern: RegExp, right: string])[] = [
  [/^(["']).*\1$/s, 'must not be in quotation marks: docker run --env-file, among others, keeps them'],
  // U+FFFD stands for bytes that are not UTF-8.
  [/[\p{Cc}\uFFFD]/u, 'must be one line of text, encoded as UTF-8'],
]

const misread = (given: Environment): string[] =>
  Object.entries(given).flatMap(([name, value = '']) => {
    // PEM has several lines.
    const text = name === 'EVIDENCE_KEY' ? value.replaceAll(/\r?\n/g, '') : value
    return MISREAD.filter(([pattern]) => pattern.test(text)).map(([, right]) => `${name} ${right}`)
  })

function withoutEffect(given: Environment): string[] {
  const isSet = (need: string): boolean => {
    const [name = '', value] = need.split('=')
    return given[name] !== undefined && (value === undefined || given[name] === value)
  }
  return Object.entries(NEEDS).flatMap(([name, needs]) =>
    // The default value is no mistake: templates of settings often contain it.
    !isSet(name) || given[name] === String(SETTINGS[name]?.flags?.default) || needs.some(isSet)
      ? []
      : [`${name} has no effect without ${needs.join(' or ')}`],
  )
}

/** Files can contain secrets only. */
const filesWithoutEffect = (environment: Environment): string[] =>
  Object.keys(SETTINGS)
    .filter((name) => environment[`${name}_FILE`] && !SECRET_SETTINGS.includes(name))
    .map((name) => `${name}_FILE has no effect: set ${name}, only secrets can come from files`)

/**
 * Returns the variables that look like misspelt settings, with the setting that was probably meant: `CORS_ORIGIN` for
 * `CORS_ORIGINS`. They may belong to another program, so they are no error.
 */
export function misspeltSettings(
  environment: Environment,
): { readonly variable: string; readonly meant: string }[] {
  const simplify = (name: string): string =>
    name
      .toUpperCase()
      .replace(/_FILE$|_/g, '')
      .replace(/S$/, '')
  const known = new Map(Object.keys(SETTINGS).map((name) => [simplify(name), name]))
  const similarTo = (name: string): string | undefined =>
    known.get(name) ?? [...known].find(([other]) => isSlip(name, other))?.[1]
  const isKnown = (name: string): boolean => name.replace(/_FILE$/, '') in SETTINGS
  return Object.keys(environment).flatMap((variable) => {
    const meant = similarTo(simplify(variable))
    return meant === undefined || isKnown(variable) ? [] : [{ variable, meant }]
  })
}

/** Short names differ in one letter from too many others, such as HOST from POST. */
const MIN_LETTERS_FOR_SLIPS = 7

/** Returns whether one letter that is missing, wrong, too many or swapped with the next makes the difference. */
function isSlip(name: string, other: string): boolean {
  if (Math.min(name.length, other.length) < MIN_LETTERS_FOR_SLIPS) return false
  let start = 0
  while (start < name.length && name[start] === other[start]) start++
  const [a, b] = [name.slice(start), other.slice(start)]
  const isSwapped = a.slice(2) === b.slice(2) && a[0] === b[1] && a[1] === b[0]
  return a.slice(1) === b.slice(1) || a.slice(1) === b || a === b.slice(1) || isSwapped
}
