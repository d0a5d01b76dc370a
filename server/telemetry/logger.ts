import { destination, pino } from 'pino'
import type { Logger } from 'pino'

export type { Logger } from 'pino'

/** Names under which a secret could reach a log line, at the top or one level down. */
const SECRET_FIELDS = [
  'Sign',
  'token',
  'userSig',
  'authorization',
  'password',
  'secret',
  'key',
  'auth',
  'usersig',
]

/**
 * Writes JSON lines to standard error. Secrets are redacted here, once: fields with the names above, and those of
 * `secretSettings`.
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
