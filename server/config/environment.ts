import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Joi from 'joi'
import { GatewayError } from '../../shared/errors.ts'
import { SECRET_SETTINGS } from './config.ts'

const DEFAULT_DATA_DIR = './data'
const LOOPBACK = ['127.0.0.1', 'localhost', '::1']

type Environment = Readonly<Record<string, string | undefined>>

/** What a gateway needs to be told, made up for one machine. */
interface DevCredentials {
  readonly SDK_APP_ID: string
  readonly WEBHOOK_TOKEN: string
  readonly JWT_SECRET: string
}

const credentialsSchema = Joi.object<DevCredentials>({
  SDK_APP_ID: Joi.string().required(),
  WEBHOOK_TOKEN: Joi.string().required(),
  JWT_SECRET: Joi.string().required(),
})

const fileOf = (environment: Environment): string =>
  join(environment['DATA_DIR'] || DEFAULT_DATA_DIR, 'dev-credentials.json')

/**
 * The environment completed for `--dev`: listens on loopback only, and uses made-up credentials, kept in the data folder
 * so that they outlive a restart, readable by their owner only. What the environment says goes first. Throws CONFIG_INVALID
 * when it asks for another address, because nobody chose these credentials.
 */
export function withDevSettings(environment: Environment): Environment {
  const host = environment['HOST'] || '127.0.0.1'
  if (!LOOPBACK.includes(host))
    throw new GatewayError('CONFIG_INVALID', '--dev listens on loopback only: leave HOST out')
  return {
    // Nobody balances load here, and who works with it restarts often.
    DRAIN_MS: '0',
    TEST_RECALLS: 'on',
    ...(readDevCredentials(environment) ?? makeDevCredentials(environment)),
    ...withoutEmpty(environment),
    HOST: host,
  }
}

/** The environment, completed with the credentials of a gateway that ran with `--dev` on this data folder, if one did. */
export const withDevCredentials = (environment: Environment): Environment => ({
  ...readDevCredentials(environment),
  ...withoutEmpty(environment),
})

function readDevCredentials(environment: Environment): DevCredentials | undefined {
  const file = fileOf(environment)
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
  try {
    return Joi.attempt(JSON.parse(text), credentialsSchema)
  } catch {
    throw new GatewayError('CONFIG_INVALID', `${file} is damaged: remove it, and new credentials are made`)
  }
}

function makeDevCredentials(environment: Environment): DevCredentials {
  const file = fileOf(environment)
  const credentials = {
    SDK_APP_ID: '1400000000',
    WEBHOOK_TOKEN: randomBytes(16).toString('hex'),
    JWT_SECRET: randomBytes(32).toString('hex'),
  }
  try {
    mkdirSync(join(file, '..'), { recursive: true, mode: 0o700 })
    writeFileSync(file, `${JSON.stringify(credentials, null, 2)}\n`, { mode: 0o600 })
  } catch (cause) {
    throw new GatewayError('START_FAILED', `cannot write ${file} (DATA_DIR)`, { cause })
  }
  return credentials
}

const withoutEmpty = (environment: Environment): Environment =>
  Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''))

/**
 * The environment with the secrets that it names files for: a secret may stand in a file, named by the setting with `_FILE` behind
 * it. Throws CONFIG_INVALID for a file that cannot be read.
 */
export function withSecretFiles(environment: Environment): Environment {
  const read = SECRET_SETTINGS.filter((name) => environment[`${name}_FILE`]).map((name) => {
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
