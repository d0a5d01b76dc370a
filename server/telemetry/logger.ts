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
  'JWT_SECRET',
  'WEBHOOK_TOKEN',
  'REDIS_URL',
  'USERSIG_SECRET_KEY',
  'REDIS_SIGNING_KEY',
  'AUTHORIZE_SECRET',
  'secret',
  'key',
  'auth',
  'usersig',
]

/** Fixed sentences with fields, as JSON lines on standard error. Levels say who must act; secrets are cut out here, once. */
export function createLogger(level: string): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: SECRET_FIELDS.flatMap((name) => [name, `*.${name}`]), censor: '[secret]' },
    },
    destination({ dest: 2, sync: true }),
  )
}
