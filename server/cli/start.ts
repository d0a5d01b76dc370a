import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'
import { signToken } from '../auth/jwt.ts'
import { effectiveSettings } from '../config/effective-settings.ts'
import { isIgnoredInDev, withDevSettings } from '../config/environment.ts'
import { tokens } from '../config/options.ts'
import { misspeltSettings, readConfig } from '../config/read-config.ts'
import { SECRET_SETTINGS, withSecretFiles } from '../config/secrets.ts'
import type { Config, Environment } from '../config/settings.ts'
import { createLogger } from '../telemetry/logger.ts'
import type { Terminal } from './command.ts'

const LINK_TOKEN_TTL_S = 3_600
/** Time beyond the drain for current requests and the stores to finish. */
export const STOP_GRACE_MS = 8_000

interface StartOptions {
  readonly dev: boolean
}

export function addStart(program: Command, terminal: Terminal): void {
  program
    .command('start')
    .description('run the gateway with the settings in the environment')
    .option('--dev', 'for this machine only: loopback, generated credentials, and a link to open', false)
    .action((options: StartOptions) => start(options, terminal))
}

/** Starts the gateway, and with `dev` prints a link to it. It runs until the process receives a signal. */
async function start({ dev }: StartOptions, { environment, print, runUntilSignal }: Terminal): Promise<void> {
  const settings = withSecretFiles(environment)
  const given = dev ? withDevSettings(settings) : settings
  const config = readConfig(given)
  const log = createLogger(config.LOG_LEVEL, SECRET_SETTINGS)
  for (const misspelt of misspeltSettings(environment))
    log.warn(misspelt, 'variable looks like a misspelt setting')
  if (dev && isIgnoredInDev(environment)) log.warn('HOST is ignored: --dev listens on loopback only')
  // Only here: the other commands start twice as fast without it.
  const { startGateway } = await import('../gateway.ts')
  const starting = startGateway(config, log, {
    environment: given,
    settings: effectiveSettings(environment, given, config),
  })
  // A signal can arrive before the gateway has started, and a container's first process would ignore it.
  const stop = (): Promise<void> => starting.then((gateway) => gateway.stop())
  runUntilSignal({ stop, stopTimeoutMs: config.DRAIN_MS + STOP_GRACE_MS, log })
  const gateway = await starting
  if (dev) for (const line of await greeting(config, gateway.port, settings)) print(line)
}

async function greeting(config: Config, port: number, settings: Environment): Promise<string[]> {
  const base = `http://${config.HOST.includes(':') ? `[${config.HOST}]` : config.HOST}:${port}`
  const secret = config.JWT_SECRET[0] ?? ''
  const claims = { id: 'dev', role: 'admin', rooms: [], ttlS: LINK_TOKEN_TTL_S } as const
  const token = await signToken(claims, { secret, ...tokens(config) })
  return [
    '',
    '  The recall gateway is running, for this machine only (--dev).',
    '',
    `  Open       ${base}/#token=${token}`,
    `  then send  ${ownCredentials(settings)}${sendCommand(config, base)}`,
    '',
    '  The link lets anyone who has it see every recall for an hour. Ctrl+C stops the gateway.',
    '',
  ]
}

/** What the command has to be given because it is not in the data folder. Its values are secrets. */
const ownCredentials = (settings: Environment): string =>
  ['SDK_APP_ID', 'WEBHOOK_TOKEN']
    .filter((name) => (settings[name] ?? '').trim() !== '')
    .map((name) => `${name}=… `)
    .join('')

/** Works in any folder. */
function sendCommand({ DATA_DIR, WEBHOOK_PATH }: Config, base: string): string {
  const main = quoted(fileURLToPath(new URL('../main.js', import.meta.url)))
  const dataDir = quoted(resolve(DATA_DIR))
  return `node ${main} send --data-dir ${dataDir} --url ${base}${WEBHOOK_PATH} --group lobby --seqs 130,131`
}

/** Quotes a word for a shell, if that is necessary. */
const quoted = (word: string): string =>
  /^[\w./@:+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
