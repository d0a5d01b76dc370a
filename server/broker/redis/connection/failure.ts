import { GatewayError } from '../../../../shared/errors.ts'
import type { RedisMode } from './address.ts'
import {
  ANNOUNCE_NAMES,
  ANNOUNCED,
  ERR_REFUSALS,
  NETWORK,
  PERMISSIONS,
  REFUSALS,
} from './failure-meanings.ts'

/** Why something failed at Redis, in terms of what has to be changed. */
export interface Failure {
  /** Code of Redis, of the system or of TLS: `NOPERM`, `ECONNREFUSED`, `CERT_HAS_EXPIRED`. */
  readonly code: string
  /** One sentence without hosts, users or secrets, so that anyone may read it. */
  readonly reason: string
  /** The setting, of the gateway or of Redis, that decides about it. */
  readonly setting: string
  /** What Redis or the system said, for the log: may name hosts and users. */
  readonly words: string
}

/** Where the failure happened; decides which setting is named. */
export interface Place {
  readonly mode: RedisMode
  readonly tls?: boolean
  /** `seed`: a sentinel or cluster node that was asked for the server with the keys. */
  readonly asked?: 'server' | 'seed'
}

/** The connection closed before the server had answered anything, and without an error. */
export const CLOSED_BEFORE_ANSWER = Object.assign(new Error('closed before an answer'), { code: 'CLOSED' })

/** The server has accepted the connection, and the client waits until it has its data. */
export const STILL_LOADING: Failure = {
  code: 'LOADING',
  reason: 'the server is loading its data',
  setting: 'wait until Redis has started',
  words: 'loading is not 0 in INFO persistence',
}

/** An error that has been explained where its place was known. */
export class FailureError extends GatewayError {
  readonly failure: Failure

  constructor(failure: Failure, cause?: unknown) {
    super('BROKER_UNAVAILABLE', textOfFailure(failure), { cause })
    this.failure = failure
  }
}

/** One sentence for anyone: code, reason, setting. */
export const textOfFailure = ({ code, reason, setting }: Failure): string => `${code}: ${reason} (${setting})`

/** The same for the operator who has just started the process. */
export const describeToOperator = (failure: Failure): string =>
  failure.reason.includes(failure.words.slice(-20))
    ? textOfFailure(failure)
    : `${textOfFailure(failure)}: ${failure.words}`

/** Explains any error that a connection or a command ended with. */
export function explain(error: unknown, place: Place): Failure {
  for (const one of causesOf(error)) {
    if (one instanceof FailureError) return one.failure
    const failure = isReply(one) ? explainReply(one.message, place) : explainNetwork(one, place)
    if (failure !== undefined) return failure
  }
  const [innermost] = causesOf(error).slice(-1)
  const words = innermost?.message ?? String(error)
  return { code: 'UNKNOWN', reason: 'the connection failed', setting: 'REDIS_URL', words }
}

/**
 * Returns why Redis refuses, if this error means that it refuses everything of this kind until somebody changes the server or
 * its rights. Undefined for a timeout, a lost connection, and for errors about the content of one key.
 */
export function refusalIn(error: unknown, mode: RedisMode): Failure | undefined {
  const reply = lastingReplyIn(error, mode)
  return reply && explainReply(reply.message, { mode })
}

/**
 * Returns whether Redis refuses a request for what its keys hold, or for which keys these are: it may accept others. Not if it says
 * that it accepts none now.
 */
export function isAboutKeys(error: unknown): boolean {
  const reply = causesOf(error).find(isReply)
  if (reply === undefined) return false
  const failure = explainReply(reply.message, { mode: 'single' })
  return failure === undefined || failure.code === 'NOPERM'
}

/** Like `refusalIn`, for a request whose content cannot be to blame. */
export function replyIn(error: unknown, mode: RedisMode): Failure | undefined {
  const reply = lastingReplyIn(error, mode)
  if (reply === undefined) return undefined
  const words = withoutScript(reply.message)
  return (
    explainReply(reply.message, { mode }) ?? {
      code: 'REFUSED',
      reason: withoutUser(words),
      setting: 'REDIS_URL',
      words,
    }
  )
}

function lastingReplyIn(error: unknown, mode: RedisMode): Error | undefined {
  const reply = causesOf(error).find(isReply)
  return reply && mode === 'cluster' && IN_TRANSIT.test(reply.message) ? undefined : reply
}

/** In a cluster, a slot on its way to another server: the connection follows it. */
const IN_TRANSIT = /^(MOVED|ASK|TRYAGAIN)\b/

function explainReply(message: string, place: Place): Failure | undefined {
  const words = withoutScript(message)
  // Errors inside scripts may carry the code behind another prefix.
  const code = words.match(/\b[A-Z]{3,}\b/g)?.find((word) => Object.hasOwn(REFUSALS, word))
  const known = code === undefined ? undefined : REFUSALS[code]
  if (code !== undefined && known !== undefined) {
    const [meaning, setting] = known
    const isSecret = code === 'MOVED' || code === 'ASK'
    return {
      code,
      reason: isSecret ? meaning : `${meaning}: ${withoutCode(withoutUser(words))}`,
      setting: settingOf(code, setting, place),
      words,
    }
  }
  for (const [pattern, name, meaning, setting] of ERR_REFUSALS)
    if (pattern.test(words))
      return {
        code: name,
        reason: `${meaning}: ${withoutCode(words)}`,
        setting: settingOf(name, setting, place),
        words,
      }
  return undefined
}

/** Sentinels may have a password of their own. */
function settingOf(code: string, setting: string, { mode, asked }: Place): string {
  if (mode !== 'sentinel' || asked !== 'seed') return setting
  if (code === 'UNKNOWN_COMMAND') return 'REDIS_MODE, REDIS_URL: these are not sentinels'
  const isAboutPassword = code === 'WRONGPASS' || code === 'NOAUTH'
  return isAboutPassword
    ? 'REDIS_SENTINEL_USERNAME, REDIS_SENTINEL_PASSWORD'
    : `user of the sentinels, ${PERMISSIONS}`
}

/** A server that expects the other scheme does not say so: it waits for more, or closes the connection. */
const SCHEME_MATTERS = /^(ETIMEDOUT|ECONNRESET|EPIPE)$/

const schemeSetting = (tls = false): string =>
  tls
    ? 'REDIS_URL: rediss:// needs a port with TLS; firewall'
    : 'REDIS_URL: a port with TLS needs rediss://; firewall; maxclients of Redis'

const NOT_REACHED = /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH)$/

/** A server that sentinels or nodes named may be unreachable though they are not. */
function networkSetting(code: string, otherwise: string, { mode, asked, tls }: Place): string {
  if (mode !== 'single' && asked !== 'seed' && NOT_REACHED.test(code)) return ANNOUNCED[mode]
  return SCHEME_MATTERS.test(code) ? schemeSetting(tls) : otherwise
}

function explainNetwork(error: Error, place: Place): Failure | undefined {
  const { mode, tls } = place
  const words = error.message
  const code = codeOf(error)
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return {
      code,
      reason: 'the certificate does not contain the name or address of the server',
      setting: ANNOUNCE_NAMES[mode],
      words,
    }
  if (code === CLOSED_BEFORE_ANSWER.code)
    return {
      code,
      reason: 'the server closes connections before it answers',
      setting: schemeSetting(tls),
      words,
    }
  if (/^(Stream isn't writeable|Connection is closed|Command aborted|Reached the max retries)/.test(words))
    return { code: 'NOT_CONNECTED', reason: 'there is no connection to Redis', setting: 'REDIS_URL', words }
  if (/^Command timed out|no reply within/.test(words))
    return { code: 'TIMEOUT', reason: 'the server does not answer', setting: 'REDIS_URL, firewall', words }
  if (error.name === 'ParserError' || words.startsWith('Unknown RESP type'))
    return { code: 'NOT_REDIS', reason: 'what answers is not Redis', setting: 'REDIS_URL', words }
  const known = code === undefined ? undefined : NETWORK[code]
  if (code === undefined || known === undefined) return undefined
  const [reason, setting] = known
  return { code, reason, setting: networkSetting(code, setting, place), words }
}

function codeOf(error: Error): string | undefined {
  const { code, errorno } = error as { readonly code?: unknown; readonly errorno?: unknown }
  // The client library names a timeout of the connection `errorno`.
  return typeof code === 'string' ? code : typeof errorno === 'string' ? errorno : undefined
}

/** Whether Redis found a value of another type than a gateway writes, so that what the key held is lost. */
export const isWrongType = (error: unknown): boolean =>
  causesOf(error).some(({ message }) => message.startsWith('WRONGTYPE'))

const isReply = (error: Error): boolean => error.name === 'ReplyError'

/** The error and its causes, outermost first. An error that stands for several names the first. */
function causesOf(error: unknown): Error[] {
  const causes: Error[] = []
  for (let one = error; one instanceof Error && causes.length < 8;) {
    causes.push(one)
    one = one.cause ?? (one instanceof AggregateError ? one.errors[0] : undefined)
  }
  return causes
}

/** What Redis appends: digest and line of a script, or arguments. */
const SCRIPT = /\s*script: [0-9a-f]{40}(, on @[\w:]*\.?)?/
const ARGUMENTS = /, with args beginning with.*$/s

const withoutScript = (message: string): string =>
  message.replace(SCRIPT, '').replace(ARGUMENTS, '').slice(0, 300)

const withoutCode = (words: string): string => words.replace(/^-?[A-Z]+ /, '')

const withoutUser = (words: string): string => words.replace(/\bUser \S+ /, 'the user ')
