import type { IncomingMessage } from 'node:http'
import { asGatewayError, reasonOf } from '../../shared/errors.ts'
import type { ErrorCode, GatewayError } from '../../shared/errors.ts'
import type { Logger } from './logger.ts'
import type { Metrics } from './metrics.ts'

/** Where a request was refused, and the sentence in the log. */
const SENTENCES = {
  /** A call of the webhook. */
  webhook: 'webhook refused',
  /** Any other HTTP request, streams included. */
  http: 'request refused',
  /** An attempt to open a socket. */
  handshake: 'handshake refused',
  /** A request over a socket. */
  socket: 'socket request refused',
  /** A connection, before it could send a request. */
  connection: 'connection refused',
} as const

type Entrance = keyof typeof SENTENCES

interface RefusalFields {
  readonly request?: IncomingMessage
  readonly [name: string]: unknown
}

/** Counts and logs what the gateway refuses, in one way for all entrances. */
export interface Refusals {
  /**
   * Counts and logs a refusal, and returns the error to respond with: `error` if it is from the catalogue, otherwise
   * `INTERNAL`. `fields` go to the log, with the address of the client instead of the request; they contain no secret.
   */
  report(entrance: Entrance, error: unknown, fields?: RefusalFields): GatewayError
}

export function createRefusals(
  metrics: Pick<Metrics, 'refused'>,
  log: Logger,
  addressOf?: (request: IncomingMessage) => string,
): Refusals {
  return {
    report(entrance, reason, { request, ...fields } = {}) {
      const error = asGatewayError(reason)
      const { code, message: detail, cause } = error
      metrics.refused(entrance, code)
      const address = request && addressOf?.(request)
      const line = { entrance, code, detail, ...(address !== undefined && { address }), ...fields }
      if (FAULTS.has(code)) log.error({ ...line, err: cause }, SENTENCES[entrance])
      // If trying again helps, something that the gateway depends on may not work, and the operator must know why.
      else
        log.warn(
          { ...line, ...(error.retry && cause !== undefined && { reason: reasonOf(cause) }) },
          SENTENCES[entrance],
        )
      return error
    },
  }
}

/** The gateway itself is at fault, so the log gets the stack. */
const FAULTS = new Set<ErrorCode>(['INTERNAL', 'NOT_KEPT'])
