import { destination, pino } from 'pino'
import type { Logger } from 'pino'

export type { Logger } from 'pino'

/** Fields in which a secret could reach a log line, at the top level or one level down. */
const SECRET_FIELDS = [
  'Sign',
  'token',
  'userSig',
  'usersig',
  'authorization',
  'password',
  'secret',
  'key',
  'auth',
]

/**
 * Writes JSON lines to standard error: a fixed sentence with fields. The level says who must act. Secrets are redacted here,
 * once for all loggers: the fields above, and those named like one of `secretSettings`.
 */
export function createLogger(level: string, secretSettings: readonly string[] = []): Logger {
  const secrets = [...SECRET_FIELDS, ...secretSettings]
  return pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: secrets.flatMap((name) => [name, `*.${name}`]), censor: '[secret]' },
    },
    destination({ dest: 2, sync: true }),
  )
}
