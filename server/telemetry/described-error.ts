import { pino } from 'pino'
import { reasonOf } from '../../shared/errors.ts'

/**
 * Returns what the log says of an error: message and stack with those of its causes, and nothing else. Libraries hang on an
 * error what they sent, such as a password or a whole recall.
 */
export function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const { message, stack } = pino.stdSerializers.err(error)
  const { code } = error as { readonly code?: unknown }
  const reason = reasonOf(error)
  return { type: error.name, code, message, ...(!message.includes(reason) && { reason }), stack }
}
