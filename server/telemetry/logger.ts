import { pino } from 'pino'
import type { Logger, LoggerOptions } from 'pino'
import { isRecord } from '../../shared/json.ts'
import { describeError } from './described-error.ts'
import { LogSampler } from './log-sampler.ts'
import { LogWriter } from './log-writer.ts'

export type { Logger } from 'pino'

const STANDARD_ERROR = 2

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
 * once for all loggers: the fields above, and those named like one of `secretSettings`; of an error, see `describeError`.
 * Writing never blocks, and repeated warnings and errors are sampled. What remains is written when the process exits.
 */
export function createLogger(level: string, secretSettings: readonly string[] = []): Logger {
  const writer = new LogWriter(STANDARD_ERROR, describeDropped)
  const sampler = new LogSampler()
  process.on('exit', () => {
    sampler.end()
    writer.flushSync()
  })
  const secrets = [...SECRET_FIELDS, ...secretSettings]
  return pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: describeError },
      redact: { paths: secrets.flatMap((name) => [name, `*.${name}`]), censor: '[secret]' },
      hooks: { logMethod: sampled(sampler) },
    },
    writer,
  )
}

/** For work whose failures are told in another way. */
export const createSilentLogger = (): Logger => pino({ level: 'silent' })

/** Samples warnings and errors. The rest is either rare, like what admins do, or asked for, like debugging. */
function sampled(sampler: LogSampler): NonNullable<NonNullable<LoggerOptions['hooks']>['logMethod']> {
  return function (args, method, level) {
    const { warn, error } = this.levels.values
    if (level !== warn && level !== error) return method.apply(this, args)
    const [first, second] = args as unknown[]
    const fields = isRecord(first) ? first : {}
    const sentence = isRecord(first) ? second : first
    const { code, entrance, role } = fields
    const kind = { entrance, role, code }
    const report = (omitted: number): void => method.apply(this, [{ ...kind, omitted }, String(sentence)])
    if (sampler.admits(JSON.stringify([level, sentence, kind]), report)) method.apply(this, args)
  }
}

const describeDropped = (lines: number): string =>
  `${JSON.stringify({ level: 'warn', time: new Date().toISOString(), lines, msg: 'log lines dropped' })}\n`
