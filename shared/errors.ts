/** One entry of the catalogue. */
interface CatalogueEntry {
  /** Status of the HTTP response. */
  readonly status: number
  /** Whether the same request may succeed later. */
  readonly retry: boolean
  readonly text: string
}

/** Every error that the gateway raises. Callers receive the code and a text, never the message of an inner error. */
export const ERRORS = {
  METHOD_NOT_ALLOWED: { status: 405, retry: false, text: 'webhooks must be sent with POST' },
  BODY_TOO_LARGE: { status: 413, retry: false, text: 'the body is larger than 256 KiB' },
  BODY_UNREADABLE: { status: 400, retry: false, text: 'the body is incomplete or compressed' },
  ADDRESS_REFUSED: { status: 403, retry: false, text: 'webhooks from this address are not accepted' },
  APP_NOT_OURS: { status: 403, retry: false, text: 'SdkAppid is not the app of this gateway' },
  WEBHOOK_FORGED: { status: 401, retry: false, text: 'Sign is not sha256(token + RequestTime)' },
  WEBHOOK_STALE: { status: 401, retry: false, text: 'RequestTime is more than 60 s off' },
  WEBHOOK_MALFORMED: { status: 400, retry: false, text: 'the webhook has an unexpected format' },
  RELAY_LOOP: {
    status: 508,
    retry: false,
    text: 'the webhook has been through a gateway of this app before',
  },
  NOT_KEPT: { status: 503, retry: true, text: 'the webhook could not be stored' },
  BROKER_UNAVAILABLE: { status: 503, retry: true, text: 'the broker is unavailable' },
  TOKEN_REFUSED: { status: 401, retry: false, text: 'the credential is missing or invalid' },
  // The user may have another credential by then.
  TOKEN_EXPIRED: { status: 401, retry: true, text: 'the credential has expired' },
  USER_DISCONNECTED: { status: 403, retry: false, text: 'an admin has temporarily disconnected this user' },
  ADMIN_NEEDED: { status: 403, retry: false, text: 'only admins may do this' },
  KEYS_UNAVAILABLE: { status: 503, retry: true, text: 'the key of this token cannot be looked up now' },
  TOO_MANY_FAILURES: { status: 429, retry: true, text: 'too many guesses from this address' },
  MEMBERSHIP_UNKNOWN: { status: 503, retry: true, text: 'the membership lookup failed' },
  ROOM_REFUSED: { status: 403, retry: false, text: 'no access to this room' },
  REQUEST_MALFORMED: { status: 400, retry: false, text: 'the request has an unexpected format' },
  VERSION_UNSUPPORTED: {
    status: 503,
    retry: true,
    text: 'this node is too old for the version of the protocol that the client speaks',
  },
  TOO_MANY_ROOMS: { status: 429, retry: false, text: 'this socket has reached its maximum number of rooms' },
  NODE_FULL: {
    status: 503,
    retry: true,
    text: 'this node has reached its maximum of connections, sockets, rooms or memory',
  },
  TOO_MANY_CONNECTIONS: {
    status: 429,
    retry: true,
    text: 'this address has reached its maximum of connections',
  },
  NODE_DRAINING: { status: 503, retry: true, text: 'this node is shutting down; another one will answer' },
  ORIGIN_REFUSED: { status: 403, retry: false, text: 'pages of this origin may not use this gateway' },
  REQUEST_TIMEOUT: { status: 408, retry: true, text: 'the request or its response took too long' },
  HEADERS_TOO_LARGE: {
    status: 431,
    retry: false,
    text: 'the request line and headers are larger than 48 KiB',
  },
  TLS_FAILED: { status: 400, retry: true, text: 'the TLS handshake failed' },
  TOO_MANY_REQUESTS: { status: 429, retry: true, text: 'too many requests' },
  NOT_FOUND: { status: 404, retry: false, text: 'this path does not exist' },
  PROCESS_UNREACHABLE: { status: 503, retry: true, text: 'the process that has to answer did not' },
  NOT_IN_QUARANTINE: { status: 404, retry: false, text: 'the quarantine has no such entry' },
  EVIDENCE_KEY_MISSING: {
    status: 501,
    retry: false,
    text: 'this gateway has no key to sign evidence with: its operator has to set EVIDENCE_KEY',
  },
  NODE_UNREACHABLE: { status: 503, retry: true, text: 'no node responded' },
  SEND_FAILED: { status: 502, retry: true, text: 'the gateway did not respond with OK' },
  CONFIG_INVALID: { status: 500, retry: false, text: 'settings are missing or invalid' },
  START_FAILED: { status: 500, retry: false, text: 'the gateway could not start' },
  INTERNAL: { status: 500, retry: true, text: 'internal error' },
} as const satisfies Record<string, CatalogueEntry>

export type ErrorCode = keyof typeof ERRORS

/** An error from the catalogue. Callers may see `message`, which is the text and `detail`; `cause` is only logged. */
export class GatewayError extends Error {
  readonly code: ErrorCode
  /** When the same request may succeed, in ms from now, if that is known. */
  readonly retryInMs: number | undefined

  constructor(
    code: ErrorCode,
    detail?: string,
    { retryInMs, ...options }: { readonly cause?: unknown; readonly retryInMs?: number } = {},
  ) {
    super(detail === undefined ? ERRORS[code].text : `${ERRORS[code].text}: ${detail}`, options)
    this.name = 'GatewayError'
    this.code = code
    this.retryInMs = retryInMs
  }

  /** Whether the same request may succeed later. A refusal that says when is no final one, whatever its code. */
  get retry(): boolean {
    return ERRORS[this.code].retry || this.retryInMs !== undefined
  }
}

/** Returns the error that callers may see: `error` if it is from the catalogue, otherwise `INTERNAL` caused by `error`. */
export function asGatewayError(error: unknown): GatewayError {
  return error instanceof GatewayError ? error : new GatewayError('INTERNAL', undefined, { cause: error })
}

/** Returns what an error says beside the sentence of its code, for those to whom that means nothing. */
export function detailOf(error: unknown): string {
  const { code, message } = asGatewayError(error)
  const known = `${ERRORS[code].text}: `
  return message.startsWith(known) ? message.slice(known.length) : message
}

/** Returns the message of the innermost cause, for the log: `fetch failed` alone would tell nobody what to mend. */
export function reasonOf(error: unknown): string {
  let innermost = error
  for (let depth = 0; depth < 8; depth++) {
    const inner = causeOf(innermost)
    if (!(inner instanceof Error)) break
    innermost = inner
  }
  // Those of OpenSSL end with a line break.
  return innermost instanceof Error ? innermost.message.trim() || innermost.name : String(innermost)
}

/** An error that stands for several, such as one for each address of a name, says nothing itself: the first counts. */
const causeOf = (error: unknown): unknown => {
  if (!(error instanceof Error)) return undefined
  return error.cause ?? (error as { readonly errors?: readonly unknown[] }).errors?.[0]
}

/**
 * Why the node closes a socket. The range of the code tells the client what to do, even if the code is newer than the
 * client: 4000 to 4499 mean reconnect and resume from your positions; 4500 to 4999 mean stay away until a person has acted.
 */
export const GOODBYES = {
  DRAINING: { code: 4000, reason: 'this node is shutting down; reconnect to reach another node' },
  TOO_SLOW: { code: 4001, reason: 'this client reads too slowly; reconnect and resume from your positions' },
  CREDENTIAL_ENDED: { code: 4002, reason: 'the credential has expired; reconnect with a new one' },
  MEMORY_USED_UP: {
    code: 4003,
    reason:
      'this node is short of memory, and much waits here for this client; reconnect and resume from your positions',
  },
  DISCONNECTED: { code: 4500, reason: 'an admin has disconnected this user' },
} as const satisfies Record<string, { readonly code: number; readonly reason: string }>
