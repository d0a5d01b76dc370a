import { randomUUID } from 'node:crypto'
import { checkSettings, misspeltSettings, settingNames } from '../config/read-config.ts'
import type { Config, Environment } from '../config/settings.ts'
import { critical, listed, ok, warning } from './finding.ts'
import type { Finding } from './finding.ts'

/** Judges the variables of the environment as they stand; pure. What is secret in them stays out of the findings. */
export function judgeEnvironment(environment: Environment): Finding[] {
  const { problems } = checkSettings(environment)
  const findings = problems.map((problem) =>
    critical('settings', problem, 'Correct it: the gateway does not start with this setting'),
  )
  return [
    ...(findings.length > 0 ? findings : [ok('settings', 'all settings can be read')]),
    ...unknownVariables(environment),
  ]
}

/** Settings to look at, not to start anything with. */
interface ReadableSettings {
  readonly config: Config
  /** Whether SDK_APP_ID is among those that could be read. */
  readonly isAppKnown: boolean
}

/**
 * Returns the settings that can be read, with defaults in the place of the others, to look at what they name; undefined if that is
 * not possible.
 */
export function readableSettings(environment: Environment): ReadableSettings | undefined {
  const { value, unreadable } = checkSettings(environment)
  if (unreadable.length === 0) return { config: value, isAppKnown: true }
  const rest = Object.fromEntries(Object.entries(environment).filter(([name]) => !unreadable.includes(name)))
  const placeholders = { SDK_APP_ID: '1', WEBHOOK_TOKEN: randomUUID(), JWT_SECRET: randomUUID() }
  // A role that needs Redis could not be read without it.
  const role = rest['REDIS_URL'] ? rest['ROLE'] : 'all'
  const again = checkSettings({ ...placeholders, ...rest, ROLE: role })
  if (again.unreadable.length > 0) return undefined
  return { config: again.value, isAppKnown: rest['SDK_APP_ID'] !== undefined }
}

/** Nothing else uses variables that begin so. */
const OWN_PREFIXES =
  /^(WEBHOOK|RELAY|QUARANTINE|RECALLED|USERSIG|TENCENT|SPOOL|JWT|JWKS|REDIS_(WAIT|SIGNING|SENTINEL)|MAX_SOCKETS|TEST_RECALL)_?/
/** Kubernetes sets such variables for each service. */
const OF_SERVICES = /_(SERVICE_(HOST|PORT)|PORT(_\d+)?)(_|$)/
/** What others call what REDIS_URL says. */
const PARTS_OF_REDIS_URL = [
  'REDIS_HOST',
  'REDIS_PASSWORD',
  'REDIS_USERNAME',
  'REDIS_USER',
  'REDIS_DB',
  'REDIS_ADDR',
]

function unknownVariables(environment: Environment): Finding[] {
  const misspelt = misspeltSettings(environment)
  const known = new Set(settingNames)
  const unknown = Object.keys(environment).filter(
    (name) =>
      OWN_PREFIXES.test(name) &&
      !OF_SERVICES.test(name) &&
      !known.has(name.replace(/_FILE$/, '')) &&
      !misspelt.some(({ variable }) => variable === name),
  )
  const parts = environment['REDIS_URL'] ? [] : PARTS_OF_REDIS_URL.filter((name) => environment[name])
  return [
    ...misspelt.map(({ variable, meant }) =>
      warning('settings-unknown', `${variable} has no effect`, `Perhaps ${meant} is meant`),
    ),
    ...(unknown.length === 0
      ? []
      : [
          warning(
            'settings-unknown',
            `there are no such settings: ${listed(unknown)}`,
            'Compare with the document, or unset them',
          ),
        ]),
    ...(parts.length === 0
      ? []
      : [
          warning(
            'settings-unknown',
            `the gateway does not read ${listed(parts)}, and REDIS_URL is not set: it runs without Redis`,
            'Set REDIS_URL=redis://user:password@host:port',
          ),
        ]),
  ]
}
