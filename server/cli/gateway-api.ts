import { readFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import type { Command } from 'commander'
import { ERRORS, GatewayError, reasonOf } from '../../shared/errors.ts'
import type { ErrorCode } from '../../shared/errors.ts'
import { parseRecord } from '../../shared/json.ts'
import { withDevCredentials } from '../config/environment.ts'
import type { Environment } from '../config/settings.ts'
import { fetchBounded } from '../http/fetch.ts'
import { DATA_DIR_OPTION, parseUrl, withDataDir } from './command.ts'
import type { DataDirOption } from './command.ts'
import { signerOf } from './token-signing.ts'

const RESPONSE_TIMEOUT_MS = 10_000
const MAX_RESPONSE_BYTES = 16 * 2 ** 20
/** A token of our own is signed anew for each connection. */
const TOKEN_TTL_S = 600

export interface ApiOptions extends DataDirOption {
  readonly url?: string
  readonly tokenFile?: string
}

/** Never a token itself: other users of the machine see the words of a command. */
export const TOKEN_FILE_OPTION = [
  '--token-file <file>',
  'file with an admin token (default: RECALL_TOKEN, or one signed with JWT_SECRET)',
] as const

/** Adds the options that say which gateway to ask, and with which token. */
export const withApiOptions = (command: Command): Command =>
  command
    .option('--url <url>', 'URL of a gateway (default: PORT on this machine)', parseUrl)
    .option(...TOKEN_FILE_OPTION)
    .option(...DATA_DIR_OPTION)

/** The HTTP API of a gateway, asked as an admin. Methods reject with SEND_FAILED, or with what the gateway answered. */
export interface GatewayApi {
  /** Without a slash at its end. */
  readonly url: string
  getToken(): Promise<string>
  /** Resolves to the response, as JSON. */
  get<T>(path: string, parameters?: Parameters): Promise<T>
  post<T>(path: string): Promise<T>
}

type Parameters = URLSearchParams | Readonly<Record<string, string>>

/** Returns the API of the gateway that the options name. Throws CONFIG_INVALID without a token. */
export function createGatewayApi(options: ApiOptions, environment: Environment): GatewayApi {
  const url = (options.url ?? ownUrl(environment)).replace(/\/+$/, '')
  const getToken = tokenSource(options, environment)

  async function call<T>(method: 'GET' | 'POST', path: string, parameters?: Parameters): Promise<T> {
    const query = parameters === undefined ? '' : `?${new URLSearchParams(parameters).toString()}`
    const headers = { Authorization: `Bearer ${await getToken()}` }
    const { status, text } = await exchange(`${url}${path}${query}`, { method, headers })
    if (status === 200) return parse<T>(text, url)
    throw (
      refusalIn(text) ??
      new GatewayError('SEND_FAILED', `${url} answered ${status}, and not as a gateway does`)
    )
  }

  return {
    url,
    getToken,
    get: (path, parameters) => call('GET', path, parameters),
    post: (path) => call('POST', path),
  }
}

/** The gateway that runs on this machine with these settings. */
export function ownUrl({ HOST, PORT, BASE_PATH = '', TLS_CERT }: Environment): string {
  const path = BASE_PATH.replace(/\/+$/, '')
  return `${TLS_CERT ? 'https' : 'http'}://${ownHost(HOST)}:${PORT || 8080}${path}`
}

/** One that listens on a single address is reached at that alone. */
function ownHost(host = ''): string {
  if (host === '' || host === '0.0.0.0' || host === '::') return '127.0.0.1'
  return host.includes(':') ? `[${host}]` : host
}

/** Sends a request, and resolves to the response. Rejects with SEND_FAILED if there is none; its text names no path or query. */
export async function exchange(
  url: string,
  {
    timeoutMs = RESPONSE_TIMEOUT_MS,
    ...options
  }: Omit<RequestInit, 'signal' | 'redirect'> & { readonly timeoutMs?: number },
): Promise<{ readonly status: number; readonly text: string }> {
  try {
    return await fetchBounded(url, { ...options, timeoutMs, maxBytes: MAX_RESPONSE_BYTES })
  } catch (cause) {
    throw new GatewayError('SEND_FAILED', `no response from ${new URL(url).origin} (${reasonOf(cause)})`, {
      cause,
    })
  }
}

/** Read again each time: another program may renew it. */
function tokenSource({ tokenFile, ...options }: ApiOptions, environment: Environment): () => Promise<string> {
  if (tokenFile !== undefined) return async () => readToken(tokenFile)
  const { RECALL_TOKEN: token } = environment
  if (token) return async () => token
  const sign = signerOf(withDevCredentials(withDataDir(options, environment)))
  if (sign === undefined)
    throw new GatewayError(
      'CONFIG_INVALID',
      'a token is missing: set RECALL_TOKEN or JWT_SECRET, or name a file with --token-file, or the folder of start --dev with --data-dir',
    )
  const claims = { id: `cli:${userName(environment)}`, role: 'admin', rooms: [], ttlS: TOKEN_TTL_S } as const
  return () => sign(claims)
}

/** What fits in a header. PowerShell writes files in UTF-16, which have none of it. */
const TOKEN = /^[!-~]+$/

function readToken(file: string): string {
  try {
    const token = readFileSync(file, 'utf8').trim()
    if (TOKEN.test(token)) return token
  } catch (cause) {
    throw new GatewayError('CONFIG_INVALID', `cannot read --token-file: ${reasonOf(cause)}`, { cause })
  }
  throw new GatewayError(
    'CONFIG_INVALID',
    'the file that --token-file names must contain a token and nothing else, in ASCII or UTF-8',
  )
}

/** So that logs and the audit say whose command it was, also with sudo. Containers may run as a user without a name. */
function userName({ SUDO_USER: behindRoot = '' }: Environment): string {
  try {
    const { uid, username } = userInfo()
    const name = uid === 0 && behindRoot !== '' ? behindRoot : username
    return name.replace(/[^\w.-]/g, '') || 'unknown'
  } catch {
    return 'unknown'
  }
}

/** Every answer of a gateway to what it has done says `ok`. */
function parse<T>(text: string, url: string): T {
  const answer = parseRecord(text)
  if (answer?.['ok'] === true) return answer as T
  throw new GatewayError('SEND_FAILED', `${url} answered with something else than a gateway does: is it one?`)
}

/** Returns the error that a gateway answered with, in its words; undefined for another answer. */
function refusalIn(text: string): GatewayError | undefined {
  const { code, message } = parseRecord(text) ?? {}
  if (typeof code !== 'string' || typeof message !== 'string') return undefined
  // Of a later version.
  if (!isErrorCode(code)) return new GatewayError('SEND_FAILED', `${code}: ${message}`)
  const known = `${ERRORS[code].text}: `
  return new GatewayError(code, message.startsWith(known) ? message.slice(known.length) : undefined)
}

const isErrorCode = (code: string): code is ErrorCode => Object.hasOwn(ERRORS, code)
