import Joi from 'joi'
import { isIdentifier } from '../../shared/identifier.ts'
import { BEFORE_COMMAND_NAMES } from '../receiver/commands/before-commands.ts'
import { readEvidenceKey } from '../lib/evidence-keys.ts'
import { createNetworkMatcher } from '../http/client-address.ts'
import { parseClaimPath } from '../lib/claim-path.ts'
import { MIN_BUDGET_MB, maxBudgetMb } from '../lib/memory-limit.ts'
import { problemOfRedisUrl } from './redis-url.ts'
import type { RedisMode } from './redis-url.ts'
import type { Config } from './settings.ts'

/** A list, written with commas. */
export const list = (items: Joi.Schema): Joi.Schema =>
  Joi.extend((joi: Joi.Root) => ({
    type: 'list',
    base: joi.array(),
    coerce: {
      from: 'string',
      method: (value: string) => ({ value: value.split(',').map((item) => item.trim()) }),
    },
  }))
    .list()
    .items(items)

/** A text that `parse` turns into a value, or refuses with what would be right. */
export const parsedBy = (parse: (text: string) => unknown): Joi.Schema =>
  Joi.string().custom((text: string, { error }) => {
    try {
      return parse(text)
    } catch (cause) {
      return error('string.parsed', { right: cause instanceof TypeError ? cause.message : undefined })
    }
  })

/** A private key that signs evidence. */
export const evidenceKey = parsedBy(readEvidenceKey)

/** An address, a network or the name of networks. */
export const network = parsedBy((text) => {
  createNetworkMatcher([text])
  return text
})

const MAX_LABEL_CHARACTERS = 32

/** What people call a thing. */
export const label = parsedBy((text) => {
  if (!isIdentifier(text) || text.length > MAX_LABEL_CHARACTERS)
    throw new TypeError(`must be printable text of at most ${MAX_LABEL_CHARACTERS} characters`)
  return text
})

/** What spans call a program. Platforms make such names of several. */
export const serviceName = parsedBy((text) => {
  if (!isIdentifier(text)) throw new TypeError('must be printable text of at most 256 bytes')
  return text
})

/** One URL, or several separated by commas: sentinels, or nodes of a cluster. */
export const redisUrl = (mode: RedisMode): Joi.Schema =>
  Joi.string().custom((value: string, { error }) => {
    const problem = problemOfRedisUrl(value, mode)
    return problem === undefined ? value : error('redis.url', { problem })
  })

/** In MiB. The limits of the process decide what is possible. */
export const memoryBudget = Joi.number()
  .integer()
  .custom((budgetMb: number, { error }) => {
    const max = maxBudgetMb()
    if (budgetMb < MIN_BUDGET_MB)
      return error('string.parsed', {
        right: `must be at least ${MIN_BUDGET_MB}: one slow client may hold 1 MiB before it is sent away`,
      })
    if (budgetMb > max)
      return error('string.parsed', {
        right: `must be at most ${max} here: half of the memory of the container or machine, or of the heap of Node.js (--max-old-space-size), whichever is less`,
      })
    return budgetMb
  })

/** Paths of the gateway itself, which a setting may not take. */
export const OWN_PATHS =
  /^\/(livez|readyz|metrics|assets|v1|docs|client(?:-[\w-]{8})?\.js|client\.json|socket\.io)(\/|$)/

/** A slash at the end makes no difference, and `/` is the root. */
export const basePath = parsedBy((text) => {
  const path = text.replace(/\/+$/, '')
  if (path === '') return undefined
  if (!/^(\/[\w.~-]+)+$/.test(path)) throw new TypeError('must be a path such as /recalls')
  if (OWN_PATHS.test(path)) throw new TypeError('must not begin with a path of the gateway itself')
  return path
}).custom((path: string | undefined, { error, state }) => {
  const { WEBHOOK_PATH = '' } = state.ancestors[0] as Partial<Config>
  if (path === undefined || !`${WEBHOOK_PATH}/`.startsWith(`${path}/`)) return path
  return error('string.parsed', { right: 'must not begin WEBHOOK_PATH, which is served below it anyway' })
})

const LOOPBACK_HOST = /^(localhost|127(\.\d+){3}|\[::1\])$/

/** A URL to which requests are sent. `fetch` takes none with a user or password, and its error would quote them. */
export const requestUrl = (...schemes: readonly string[]): Joi.StringSchema =>
  Joi.string()
    .uri({ scheme: [...schemes] })
    .custom((url: string, { error }) => {
      if (!URL.canParse(url)) return error('string.uri')
      const { username, password } = new URL(url)
      return username + password === '' ? url : error('string.credentials')
    })

const MAX_LOGIN_URL_CHARACTERS = 2_048

/** Where a browser goes to sign in. The text stays as it is, with `{return}` if it has that. */
export const loginUrl = parsedBy((text) => {
  const parsed = text.length <= MAX_LOGIN_URL_CHARACTERS && parseLoginUrl(text.replace('{return}', 'return'))
  if (!parsed || !/^https?:$/.test(parsed.protocol) || /[{}]/.test(text.replace('{return}', '')))
    throw new TypeError(
      'must be an https or http URL, or a path such as /sign-in, with {return} once at most',
    )
  if (parsed.username + parsed.password !== '' || parsed.hash !== '' || text.includes('#'))
    throw new TypeError('must not contain a user, a password or a fragment')
  return text
})

/** Nothing that browsers read otherwise than people do, such as `//host` for a path. */
const parseLoginUrl = (text: string): URL | undefined =>
  /^(https?:\/\/[^/\\\s]+([/?][^\\\s]*)?|\/([^/\\\s][^\\\s]*)?)$/i.test(text) &&
  URL.canParse(text, 'http://localhost')
    ? new URL(text, 'http://localhost')
    : undefined

/** The URL of a backend, without what a request has of its own. Its path is sent as it is, so it is written as URLs are. */
export const relayUrl = requestUrl('https', 'http')
  .max(2_048)
  .pattern(/^[^?#\\]*$/, 'a URL without ?, # and \\')
  .custom((url: string, { error }) => {
    const [, path = ''] = /^https?:\/\/[^/]+(.*)$/i.exec(url) ?? []
    return path === '' || new URL(url).pathname === path
      ? url
      : error('string.parsed', { right: 'must have a path without dot segments, in ASCII' })
  })

/** How a Before-command is answered in the place of the backend. */
export type Fallback = 'allow' | 'deny'

/** Written `command=allow` or `command=deny`, with commas. */
export const fallbackOverrides = parsedBy((text) => {
  const overrides: Record<string, Fallback> = {}
  for (const entry of text.split(',')) {
    const [command = '', fallback, ...rest] = entry.split('=').map((part) => part.trim())
    if ((fallback !== 'allow' && fallback !== 'deny') || rest.length > 0)
      throw new TypeError('must be written command=allow or command=deny, separated by commas')
    if (!BEFORE_COMMAND_NAMES.includes(command))
      throw new TypeError(`must name commands that wait for a decision: ${BEFORE_COMMAND_NAMES.join(', ')}`)
    if (Object.hasOwn(overrides, command)) throw new TypeError('must name each command once')
    overrides[command] = fallback
  }
  return overrides
})

/** Headers of requests, written `name=value` with commas, values percent-encoded. What is wrong with one must not quote it. */
export const otlpHeaders = parsedBy((text) => {
  const headers: Record<string, string> = {}
  for (const entry of text.split(',')) {
    const [, name = '', encoded = ''] = /^\s*([!#$%&'*+.^`|~\w-]+)\s*=\s*(.*?)\s*$/.exec(entry) ?? []
    if (name === '') throw new TypeError('must be written name=value, separated by commas')
    const value = decoded(encoded)
    if (value === undefined || !/^[ -~]*$/.test(value))
      throw new TypeError('must have values of printable ASCII characters, percent-encoded as in URLs')
    headers[name.toLowerCase()] = value
  }
  return headers
})

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/** A JWKS. Over plain HTTP only from this machine. */
export const jwksUrl = requestUrl('https', 'http', 'file').custom((url: string, { error }) =>
  /^http:/i.test(url) && !LOOPBACK_HOST.test(new URL(url).hostname) ? error('string.https') : url,
)

/** Keys with which a provider signs the tokens of all its customers: any of them could sign in to any app. */
export const sharedKeys = Joi.string().pattern(
  /^https:\/\/(www\.googleapis\.com|login\.(partner\.)?microsoftonline\.(com|us|cn)|login\.windows\.net|appleid\.apple\.com|gitlab\.com|token\.actions\.githubusercontent\.com)\//i,
)

/** Keys that sign the tokens of the users of all companies, in each of which others give out the roles: only `iss` tells them apart. */
export const keysOfAllTenants = Joi.string().pattern(
  /^https:\/\/(login\.(partner\.)?microsoftonline\.(com|us|cn)|login\.windows\.net)\//i,
)

/** Where a claim is. */
export const claimPath = parsedBy(parseClaimPath)

/** What providers write into the tokens of all users. */
const EVERYBODYS_ROLES =
  /^(openid|profile|email|offline_access|uma_authorization|default-roles-.*|authenticated|anonymous|everyone)$/i

export const adminValue = Joi.string()
  .max(256)
  .pattern(EVERYBODYS_ROLES, { name: 'what providers give to everybody, such as openid', invert: true })

/** Required unless one of these other settings is set. */
export const requiredWithout = (...names: readonly string[]): Joi.Schema =>
  names.reduce<Joi.Schema>(
    (otherwise, name) => Joi.when(name, { is: Joi.exist(), otherwise }),
    Joi.required(),
  )

/** The names of things in Redis. */
export const NAME = 'at most 64 letters, digits and _ : . -'

/** Tags settings that the logger redacts, and that can come from files. */
export const SECRET = 'secret'
