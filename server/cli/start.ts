import type { Gateway } from '../gateway.ts'
import { startGateway } from '../gateway.ts'
import { readConfig } from '../config/config.ts'
import type { Config } from '../config/config.ts'
import { createLogger } from '../telemetry/logger.ts'
import type { Logger } from '../telemetry/logger.ts'
import { withSecretFiles } from '../config/environment.ts'
import { withDevSettings } from '../config/environment.ts'
import type { Terminal } from './command.ts'
import { signToken } from '../auth/jwt.ts'

const LINK_TOKEN_TTL_S = 3_600

/** Starts the gateway with the settings of the environment, or with `dev` on this machine alone, and says where it is. */
export async function start(
  { dev }: { readonly dev: boolean },
  { environment, print }: Terminal,
): Promise<{ gateway: Gateway; log: Logger; config: Config }> {
  const settings = withSecretFiles(environment)
  const config = readConfig(dev ? withDevSettings(settings) : settings)
  const log = createLogger(config.LOG_LEVEL)
  const gateway = await startGateway(config, log)
  if (dev) for (const line of await greeting(config, gateway.port)) print(line)
  return { gateway, log, config }
}

async function greeting(config: Config, port: number): Promise<string[]> {
  const base = `http://${config.HOST.includes(':') ? `[${config.HOST}]` : config.HOST}:${port}`
  const { JWT_SECRET, JWT_ISSUER: issuer, JWT_AUDIENCE: audience } = config
  const secret = JWT_SECRET[0] ?? ''
  const claims = { id: 'dev', role: 'admin', rooms: [], ttlS: LINK_TOKEN_TTL_S } as const
  const token = await signToken(claims, { secret, issuer, audience })
  return [
    '',
    '  The recall gateway runs, for this machine only (--dev).',
    '',
    `  Open       ${base}/#token=${token}`,
    `  then send  node dist/server/main.js send --url ${base}${config.WEBHOOK_PATH} --group lobby --seqs 130,131`,
    '',
    '  The link lets anyone who has it see every recall for an hour. Ctrl+C stops the gateway.',
    '',
  ]
}
