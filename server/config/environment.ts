import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import Joi from 'joi'
import { GatewayError } from '../../shared/errors.ts'
import { systemDisk } from '../lib/disk.ts'
import { withSecretFiles } from './secrets.ts'
import { DEFAULT_DATA_DIR } from './settings.ts'
import type { Environment } from './settings.ts'

const LOOPBACK_ADDRESS = '127.0.0.1'
const LOOPBACK_HOSTS = [LOOPBACK_ADDRESS, 'localhost', '::1']

/**
 * Returns the environment completed for `--dev`: loopback only, no drain, test recalls, and generated credentials. The
 * credentials are stored in the data folder, readable by their owner only, so that they survive a restart. Variables that
 * are set take precedence, except for a HOST that `isIgnoredInDev`.
 */
export function withDevSettings(environment: Environment): Environment {
  const host = (!isIgnoredInDev(environment) && environment['HOST']) || LOOPBACK_ADDRESS
  return {
    // No load balancer waits for a drain here, and developers restart often.
    DRAIN_MS: '0',
    TEST_RECALLS: 'on',
    ...(readDevCredentials(environment) ?? generateDevCredentials(environment)),
    EVIDENCE_KEY: environment['EVIDENCE_KEY'] || devEvidenceKey(environment),
    ...withoutEmpty(environment),
    HOST: host,
  }
}

/**
 * Returns whether HOST names another address than loopback, for which the generated credentials are not meant. Some shells
 * set HOST to the name of the machine.
 */
export const isIgnoredInDev = ({ HOST }: Environment): boolean =>
  Boolean(HOST) && !LOOPBACK_HOSTS.includes(HOST ?? '')

/**
 * Returns the environment completed with the secrets that are in files, and with the credentials that `start --dev` stored in the
 * data folder, if there are any: also with its key of evidence, unless JWT_SECRET is set, since that gateway is another.
 */
export function withDevCredentials(environment: Environment): Environment {
  const credentials = readDevCredentials(environment)
  const given = withoutEmpty(withSecretFiles(environment))
  const key = credentials && !given['JWT_SECRET'] ? readDevEvidenceKey(environment) : undefined
  return { ...credentials, ...(key && { EVIDENCE_KEY: key }), ...given }
}

/** Generated values of the required settings. */
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

function readDevCredentials(environment: Environment): DevCredentials | undefined {
  const file = credentialsFile(environment)
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
  try {
    return Joi.attempt(JSON.parse(text), credentialsSchema)
  } catch {
    throw new GatewayError('CONFIG_INVALID', `${file} is corrupt: remove it to generate new credentials`)
  }
}

function generateDevCredentials(environment: Environment): DevCredentials {
  const file = credentialsFile(environment)
  const credentials = {
    SDK_APP_ID: '1400000000',
    WEBHOOK_TOKEN: randomBytes(16).toString('hex'),
    JWT_SECRET: randomBytes(32).toString('hex'),
  }
  writeForOwner(file, `${JSON.stringify(credentials, null, 2)}\n`)
  return credentials
}

function devEvidenceKey(environment: Environment): string {
  const stored = readDevEvidenceKey(environment)
  if (stored !== undefined) return stored
  const key = randomBytes(32).toString('base64')
  writeForOwner(devEvidenceKeyFile(environment), `${key}\n`)
  return key
}

function readDevEvidenceKey(environment: Environment): string | undefined {
  try {
    return readFileSync(devEvidenceKeyFile(environment), 'utf8').trim()
  } catch {
    return undefined
  }
}

function writeForOwner(file: string, text: string): void {
  try {
    systemDisk.makeFolder(dirname(file))
    writeFileSync(file, text, { mode: 0o600 })
  } catch (cause) {
    throw new GatewayError('START_FAILED', `cannot write to DATA_DIR: ${(cause as Error).message}`, { cause })
  }
}

const inDataDir = (environment: Environment, file: string): string =>
  join(environment['DATA_DIR'] || DEFAULT_DATA_DIR, file)

/** A file of its own: the credentials that the last release wrote have none, and it would refuse those that have. */
const devEvidenceKeyFile = (environment: Environment): string => inDataDir(environment, 'dev-evidence-key')
const credentialsFile = (environment: Environment): string => inDataDir(environment, 'dev-credentials.json')

/** An empty variable counts as unset. */
const withoutEmpty = (environment: Environment): Environment =>
  Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''))
