/** One entry of the catalogue: what goes outside for it, and whether trying again can help. */
interface Fault {
  /** Status of the HTTP answer. */
  readonly status: number
  readonly retry: boolean
  readonly text: string
}

/** Every error the gateway raises. The outside sees the code and a text, never what an inner error said. */
export const ERRORS = {
  METHOD_NOT_ALLOWED: { status: 405, retry: false, text: 'webhooks are sent with POST' },
  BODY_TOO_LARGE: { status: 413, retry: false, text: 'the body is larger than 256 KiB' },
  BODY_UNREADABLE: { status: 400, retry: false, text: 'the body did not arrive whole or is encoded' },
  ADDRESS_REFUSED: { status: 403, retry: false, text: 'webhooks are not taken from this address' },
  APP_NOT_OURS: { status: 403, retry: false, text: 'SdkAppid is not the app of this gateway' },
  WEBHOOK_FORGED: { status: 401, retry: false, text: 'Sign is not sha256(token + RequestTime)' },
  WEBHOOK_STALE: { status: 401, retry: false, text: 'RequestTime is more than 60 s from now' },
  WEBHOOK_MALFORMED: { status: 400, retry: false, text: 'the webhook has not the documented shape' },
  NOT_KEPT: { status: 503, retry: true, text: 'the recall could not be kept' },
  BROKER_UNAVAILABLE: { status: 503, retry: true, text: 'the broker did not confirm' },
  TOKEN_REFUSED: { status: 401, retry: false, text: 'the token is missing, wrong or has ended' },
  USER_DISCONNECTED: { status: 403, retry: false, text: 'an admin has disconnected this user for a while' },
  ADMIN_NEEDED: { status: 403, retry: false, text: 'this is for admins' },
  KEYS_UNAVAILABLE: { status: 503, retry: true, text: 'the keys for tokens cannot be had at the moment' },
  TOO_MANY_FAILURES: { status: 429, retry: true, text: 'too many refused handshakes from this address' },
  MEMBERSHIP_UNKNOWN: { status: 503, retry: true, text: 'nobody can tell now who is in this group' },
  ROOM_REFUSED: { status: 403, retry: false, text: 'this room was not granted' },
  REQUEST_MALFORMED: { status: 400, retry: false, text: 'the request has not the documented shape' },
  TOO_MANY_ROOMS: { status: 429, retry: false, text: 'this socket is in as many rooms as it may be' },
  NODE_FULL: { status: 503, retry: true, text: 'this node has as many sockets or rooms as it may have' },
  TOO_MANY_REQUESTS: { status: 429, retry: true, text: 'too many requests' },
  NOT_FOUND: { status: 404, retry: false, text: 'nothing is here' },
  SEND_FAILED: { status: 502, retry: true, text: 'the webhook was not answered with OK' },
  CONFIG_INVALID: { status: 500, retry: false, text: 'settings are missing or wrong' },
  START_FAILED: { status: 500, retry: false, text: 'the gateway could not start' },
  INTERNAL: { status: 500, retry: true, text: 'something went wrong inside the gateway' },
} as const satisfies Record<string, Fault>

export type ErrorCode = keyof typeof ERRORS

/** An error with a code of the catalogue. `message` may be shown outside; `cause` stays inside. */
export class GatewayError extends Error {
  readonly code: ErrorCode

  constructor(code: ErrorCode, detail?: string, options?: ErrorOptions) {
    super(detail === undefined ? ERRORS[code].text : `${ERRORS[code].text}: ${detail}`, options)
    this.name = 'GatewayError'
    this.code = code
  }
}

/** What the outside may know of any error: its code and text if it is one of ours, otherwise `INTERNAL`. */
export function asGatewayError(error: unknown): GatewayError {
  return error instanceof GatewayError ? error : new GatewayError('INTERNAL', undefined, { cause: error })
}

/**
 * Why a socket is being closed. The number tells the client what to do, also for codes invented after it was built:
 * 4000 to 4499 come back (with the positions it has), 4500 to 4999 stay away until a person has done something.
 */
export const GOODBYES = {
  DRAINING: { code: 4000, reason: 'this node is stopping; come back, another will serve you' },
  TOO_SLOW: { code: 4001, reason: 'too much waits to be read here; come back and go on from your positions' },
  CREDENTIAL_ENDED: { code: 4002, reason: 'the token has ended; come back with a new one' },
  DISCONNECTED: { code: 4500, reason: 'an admin has disconnected this user' },
} as const satisfies Record<string, { readonly code: number; readonly reason: string }>
