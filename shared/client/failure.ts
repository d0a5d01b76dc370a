import { isRecord } from '../json.ts'
import { isOffline, isSecurePage } from './environment.ts'

export const SILENT = 'SILENT'

/** Why the client is not connected. */
export interface Failure {
  readonly code: string
  /** For people. */
  readonly reason: string
  /** Since when nothing has arrived, in ms since 1970; undefined if the connection ended by itself. */
  readonly since?: number
}

/** An error of Socket.IO or Engine.IO. Only those of a transport have a description: what the WebSocket said. */
interface ConnectError extends Error {
  readonly type?: string
  readonly description?: unknown
}

/** What Node says of TLS, by the code of the error. */
const TLS = /TLS|SSL|EPROTO|CERT_|_CERT|^(UNABLE_TO_|HOSTNAME_|INVALID_CA|CRL_)/
const NO_ANSWER: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens at this host and port',
  ENOTFOUND: 'the host name does not exist',
  EAI_AGAIN: 'the host name cannot be looked up now',
  ETIMEDOUT: 'the host does not answer',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  ECONNRESET: 'the connection was cut while it was opened',
  EPIPE: 'the connection was cut while it was opened',
}

/**
 * Explains why a connection could not be opened, as far as the error says. A browser never says, and Node does not if anything
 * but a gateway answers: then the failure is vague.
 */
export function explainConnectError(
  error: ConnectError,
  address: string,
): Failure & { readonly isVague?: true } {
  if (error.message === 'server error')
    return notGateway('what answers does not speak the protocol of a gateway')
  if (error.type !== 'TransportError' && !isThrown(error))
    return notGateway(`what answers is no gateway: ${error.message}`)
  const cause: Cause | undefined = isThrown(error) ? error : innermost(error.description)
  if (cause === undefined)
    return isOffline() ? NETWORK_OFFLINE : vague('no WebSocket opens, a browser does not say why')
  const { message } = cause
  if (cause.name === 'SecurityError') return blocked(address, message)
  // That of a DOMException is a number.
  const code = typeof cause.code === 'string' ? cause.code : ''
  const said = message.includes(code) ? message : `${message} (${code})`
  if (TLS.test(code)) return { code: 'TLS_FAILED', reason: `the TLS handshake failed: ${tlsText(said)}` }
  // A server that speaks only TLS hangs up on plain HTTP.
  const hint = code === 'ECONNRESET' && address.startsWith('http:') ? ': does it want https://?' : ''
  if (code in NO_ANSWER) return noAnswer(`${NO_ANSWER[code]} (${code})${hint}`)
  if (code.startsWith('HPE_')) return notGateway(`what answers does not speak HTTP: ${said}`)
  if (message.startsWith('Unexpected server response')) return vague(`no WebSocket opens: ${said}`)
  return noAnswer(`the connection failed: ${said}`)
}

/** Explains why a connection ended, by what Socket.IO says of a disconnect. */
export function explainDisconnect(reason: string, details: unknown): Failure {
  const { description, context } = (details ?? {}) as {
    readonly description?: unknown
    readonly context?: { readonly code?: number; readonly reason?: string }
  }
  if (description === 'network connection lost') return NETWORK_OFFLINE
  if (reason === 'ping timeout')
    return { code: SILENT, reason: 'nothing has arrived for as long as the node allows' }
  const cause = innermost(description)
  const said = [context?.code && `code ${context.code}`, context?.reason, cause?.message, reason]
  return { code: 'CONNECTION_LOST', reason: `the connection ended: ${said.filter(Boolean).join(', ')}` }
}

export const noAnswer = (reason: string): Failure => ({ code: 'NO_ANSWER', reason })
export const notGateway = (reason: string): Failure => ({ code: 'NOT_A_GATEWAY', reason })
const vague = (reason: string): Failure & { readonly isVague: true } => ({
  ...noAnswer(reason),
  isVague: true,
})
const NETWORK_OFFLINE: Failure = {
  code: 'NETWORK_OFFLINE',
  reason: 'the browser says that there is no network',
}

/** Whether it comes from the constructor of a WebSocket, not from a server. */
const isThrown = ({ name }: Error): boolean => name === 'SecurityError' || name === 'SyntaxError'

/** The browser does not even try. */
const blocked = (address: string, said: string): Failure =>
  isSecurePage() && address.startsWith('http:')
    ? {
        code: 'MIXED_CONTENT',
        reason: `a page with https:// cannot connect to http://: ${said}`,
      }
    : { code: 'WEBSOCKET_BLOCKED', reason: `the browser refuses to open the WebSocket: ${said}` }

interface Cause {
  readonly name: string
  readonly message: string
  readonly code?: unknown
}

/** What is behind an error: the event of a WebSocket carries an error in Node alone; an error may stand for several. */
function innermost(value: unknown): Cause | undefined {
  let found = value
  for (let depth = 0; depth < 8; depth++) {
    const { error, cause, errors } = (found ?? {}) as Record<string, unknown>
    const inner = error ?? cause ?? (Array.isArray(errors) ? (errors as unknown[])[0] : undefined)
    if (!isError(inner)) break
    found = inner
  }
  return isError(found) ? found : undefined
}

/** By its parts: a DOMException is no Error everywhere. */
const isError = (value: unknown): value is Cause & Record<string, unknown> =>
  isRecord(value) && typeof value['message'] === 'string' && 'name' in value

/** OpenSSL puts what happened between numbers and file names. */
const tlsText = (text: string): string => /SSL routines:[^:]*:([^:]+)/.exec(text)?.[1] ?? text
