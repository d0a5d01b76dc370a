import { GatewayError } from '../../shared/errors.ts'
import { isRecord } from '../../shared/json.ts'

/** Returns the fields of a body. Throws WEBHOOK_MALFORMED. */
export function parseFields(text: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new GatewayError('WEBHOOK_MALFORMED', 'the body is not JSON')
  }
  if (!isRecord(value)) throw new GatewayError('WEBHOOK_MALFORMED', 'the body is not a JSON object')
  return value
}

/** Returns the command, which the query must repeat. Throws WEBHOOK_MALFORMED. */
export function commandOf(fields: Record<string, unknown>, commandOfQuery: string | undefined): string {
  const command = fields['CallbackCommand']
  if (typeof command !== 'string' || command === '') {
    throw new GatewayError('WEBHOOK_MALFORMED', '"CallbackCommand" of the body must be text')
  }
  if (command !== commandOfQuery) {
    throw new GatewayError(
      'WEBHOOK_MALFORMED',
      '"CallbackCommand" of the query differs from that of the body',
    )
  }
  return command
}
