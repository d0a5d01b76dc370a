import Joi from 'joi'
import { createNetworkMatcher } from '../http/client-address.ts'
import { parseAllowedOrigin } from '../http/origins.ts'
import { normalizePath } from '../lib/path.ts'
import { identifier } from '../lib/schema.ts'
import { problemOfRedisUrl } from './redis-url.ts'
import type { RedisMode } from './redis-url.ts'

/** The parts of the gateway that this process runs. */
type Role = 'all' | 'receiver' | 'node'

/** The settings, validated and frozen, named like their environment variables. `server/docs/configuration.md` describes them. */
export interface Config {
  readonly HOST: string
  readonly PORT: number
  readonly ROLE: Role
  readonly SDK_APP_ID: string
  readonly DATA_DIR: string
  readonly LOG_LEVEL: string
  readonly WEBHOOK_TOKEN: readonly string[]
  readonly WEBHOOK_AUTH: 'on' | 'off'
  readonly WEBHOOK_PATH: string
  readonly WEBHOOK_ALLOW: readonly string[]
  readonly TEST_RECALLS: 'on' | 'off'
  readonly REDIS_URL?: string
  readonly REDIS_MODE: RedisMode
  readonly REDIS_SENTINEL_NAME: string
  readonly REDIS_SENTINEL_USERNAME?: string
  readonly REDIS_SENTINEL_PASSWORD?: string
  readonly REDIS_WAIT_REPLICAS: number
  readonly REDIS_PREFIX: string
  readonly REDIS_SIGNING_KEY: readonly string[]
  readonly SPOOL_MAX_BYTES: number
  readonly HISTORY_SIZE: number
  readonly HISTORY_TTL_S: number
  readonly RECALLED_TTL_DAYS: number
  readonly JWT_SECRET: readonly string[]
  readonly JWKS_URL?: string
  readonly JWT_ISSUER?: string
  readonly JWT_AUDIENCE?: string
  readonly USERSIG_SECRET_KEY?: string
  readonly ADMIN_USER_IDS: readonly string[]
  readonly AUTHORIZE_URL?: string
  readonly AUTHORIZE_SECRET?: string
  readonly TENCENT_REST_HOST?: string
  readonly TENCENT_ADMIN_ID: string
  readonly TENCENT_REST_PER_S: number
  readonly MEMBERSHIP_TTL_S: number
  readonly MAX_SOCKETS: number
  readonly MAX_SOCKETS_PER_ADDRESS: number
  readonly KEEP_ALIVE_S: number
  readonly CORS_ORIGINS: readonly string[]
  readonly BATCH_WINDOW_MS: number
  readonly DRAIN_MS: number
  readonly TRUST_PROXY: readonly string[]
  readonly METRICS_ALLOW: readonly string[]
  readonly BASE_PATH?: string
  readonly TLS_CERT?: string
  readonly TLS_KEY?: string
}

export const DEFAULT_DATA_DIR = './data'

/** A list, written with commas. */
const list = (items: Joi.Schema): Joi.Schema =>
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
const parsedBy = (parse: (text: string) => unknown): Joi.Schema =>
  Joi.string().custom((text: string, { error }) => {
    try {
      return parse(text)
    } catch (cause) {
      return error('string.parsed', { right: cause instanceof TypeError ? cause.message : undefined })
    }
  })

/** An address, a network or the name of networks. */
const network = parsedBy((text) => {
  createNetworkMatcher([text])
  return text
})

/** One URL, or several separated by commas: sentinels, or nodes of a cluster. */
const redisUrl = (mode: RedisMode): Joi.Schema =>
  Joi.string().custom((value: string, { error }) => {
    const problem = problemOfRedisUrl(value, mode)
    return problem === undefined ? value : error('redis.url', { problem })
  })

/** Paths of the gateway itself, which a setting may not take. */
const OWN_PATHS = /^\/(livez|readyz|metrics|assets|v1|docs|client\.js|socket\.io)(\/|$)/

/** A slash at the end makes no difference, and `/` is the root. */
const basePath = parsedBy((text) => {
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

/** Required unless one of these other settings is set. */
const requiredWithout = (...names: readonly string[]): Joi.Schema =>
  names.reduce<Joi.Schema>(
    (otherwise, name) => Joi.when(name, { is: Joi.exist(), otherwise }),
    Joi.required(),
  )

/** The names of things in Redis. */
const NAME = 'at most 64 letters, digits and _ : . -'

/** Tags settings that the logger redacts, and that can come from files. */
const SECRET = 'secret'

/** One entry per setting. A test compares defaults and descriptions with `server/docs/configuration.md`. */
export const configSchema = Joi.object<Config>({
  HOST: Joi.string().hostname().default('0.0.0.0').description('Address to listen on'),
  PORT: Joi.number().port().default(8080).description('Port to listen on'),
  ROLE: Joi.valid('all', 'receiver', 'node')
    .default('all')
    .description('Part to run in this process: `receiver` (webhooks), `node` (sockets) or `all` (both)'),
  SDK_APP_ID: Joi.string()
    .pattern(/^[1-9]\d{0,14}$/, 'digits, such as 1400000000')
    .required()
    .description('SDKAppID of the Tencent Cloud Chat app'),
  DATA_DIR: Joi.string().default(DEFAULT_DATA_DIR).description('Data folder, on a local disk'),
  LOG_LEVEL: Joi.valid('fatal', 'error', 'warn', 'info', 'debug', 'silent')
    .default('info')
    .description('Minimum level of log messages: `fatal`, `error`, `warn`, `info`, `debug` or `silent`'),
  WEBHOOK_TOKEN: list(Joi.string().min(1).max(256))
    .when('ROLE', {
      not: 'node',
      then: Joi.when('WEBHOOK_AUTH', { is: 'off', then: Joi.forbidden(), otherwise: Joi.required() }),
    })
    .messages({ 'any.unknown': 'has no effect while WEBHOOK_AUTH is off: unset one of them' })
    .default([])
    .tag(SECRET)
    .description(
      'Token of the webhook authentication in the Chat console. Separate several with commas to rotate',
    ),
  WEBHOOK_AUTH: Joi.valid('on', 'off')
    .default('on')
    .description(
      '`off` accepts webhooks from anyone who knows the path, and logs a warning at every start. `WEBHOOK_TOKEN` must be unset then',
    ),
  WEBHOOK_PATH: Joi.string()
    .custom((path: string) => normalizePath(path))
    .pattern(/^(\/|(\/[\w.~-]+)+)$/, 'a path of letters, digits and . _ ~ -, such as /webhook')
    .pattern(OWN_PATHS, { name: 'a path that the gateway serves itself', invert: true })
    .default('/webhook')
    .description('Path that Tencent calls; may contain a secret, or be `/`'),
  WEBHOOK_ALLOW: list(network)
    .default([])
    .description(
      'Addresses and networks that may send webhooks, such as `10.0.0.0/8`, separated by commas. Default: any',
    ),
  TEST_RECALLS: Joi.valid('on', 'off')
    .default('off')
    .description('`on` lets admins send test recalls to check delivery'),
  REDIS_URL: Joi.string()
    .when('ROLE', { is: 'all', otherwise: Joi.required() })
    .when('REDIS_MODE', {
      switch: [
        { is: 'sentinel', then: redisUrl('sentinel').required() },
        { is: 'cluster', then: redisUrl('cluster').required() },
      ],
      otherwise: redisUrl('single'),
    })
    .tag(SECRET)
    .description('URL of Redis 7.0 or newer. Without it, the embedded broker serves this one process'),
  REDIS_MODE: Joi.valid('single', 'sentinel', 'cluster')
    .default('single')
    .description(
      'Kind of deployment behind `REDIS_URL`: `single` (the server itself), `sentinel` or `cluster` (addresses to ask, separated by commas; credentials, TLS and database of the first apply)',
    ),
  REDIS_SENTINEL_NAME: Joi.string()
    .pattern(/^[\w:.-]{1,64}$/, NAME)
    .default('mymaster')
    .description('Name of the master in Sentinel'),
  REDIS_SENTINEL_USERNAME: Joi.string().max(256).description('User at the sentinels, where they have users'),
  REDIS_SENTINEL_PASSWORD: Joi.string()
    .max(1_024)
    .tag(SECRET)
    .description('Password of the sentinels. Default: the password in `REDIS_URL`'),
  REDIS_WAIT_REPLICAS: Joi.number()
    .integer()
    .min(0)
    .max(5)
    .default(0)
    .description('Replicas that must confirm a recall before it counts as stored'),
  REDIS_PREFIX: Joi.string()
    .pattern(/^[\w:.-]{1,64}$/, NAME)
    .default('recall-gateway')
    .description('Prefix of every key and channel in Redis'),
  REDIS_SIGNING_KEY: list(Joi.string().min(32).max(1_024))
    .default([])
    .tag(SECRET)
    .description(
      'Key that signs data in Redis; the same for all processes. Separate several with commas to rotate. Default: unsigned',
    ),
  SPOOL_MAX_BYTES: Joi.number()
    .integer()
    .min(1_000)
    .max(2 ** 40)
    .default(2 ** 30)
    .description(
      'Maximum size of the spool, which holds recalls on disk while Redis is unavailable, in bytes',
    ),
  HISTORY_SIZE: Joi.number()
    .integer()
    .min(1)
    .max(100_000)
    .default(1_000)
    .description("Maximum length of a room's log, in notices"),
  HISTORY_TTL_S: Joi.number()
    .integer()
    .min(1)
    .max(2_592_000)
    .default(86_400)
    .description("How long a room's log is stored after its last notice, in s"),
  RECALLED_TTL_DAYS: Joi.number()
    .integer()
    .min(0)
    .max(3_650)
    .default(0)
    .description(
      'How long the recalled set of a conversation is stored after its last recall, in days; 0 = forever',
    ),
  JWT_SECRET: list(Joi.string().min(32).max(1_024))
    .when('ROLE', { is: 'receiver', otherwise: requiredWithout('JWKS_URL', 'USERSIG_SECRET_KEY') })
    .default([])
    .tag(SECRET)
    .description(
      'Key for HS256 tokens. Separate several with commas to rotate. A node needs this, `JWKS_URL` or `USERSIG_SECRET_KEY`',
    ),
  JWKS_URL: Joi.string()
    .uri({ scheme: ['https', 'http', 'file'] })
    .custom((url: string, { error }) =>
      /^http:/i.test(url) && !LOOPBACK_HOST.test(new URL(url).hostname) ? error('string.https') : url,
    )
    .description('JWKS with the public keys for tokens: an https or file URL'),
  JWT_ISSUER: Joi.string().max(256).description('Value that `iss` of a token must equal'),
  JWT_AUDIENCE: Joi.string().max(256).description('Value that `aud` of a token must equal or contain'),
  USERSIG_SECRET_KEY: Joi.string()
    .min(32)
    .max(256)
    .tag(SECRET)
    .description(
      'Secret key of the app in the Chat console. Enables UserSigs as credentials, and calls to the REST API',
    ),
  ADMIN_USER_IDS: list(identifier)
    .default([])
    .description('Users who are admins when they present a UserSig, separated by commas'),
  AUTHORIZE_URL: Joi.string()
    .uri({ scheme: ['https', 'http'] })
    .description('Endpoint of your backend that decides which user may enter which room'),
  AUTHORIZE_SECRET: Joi.string()
    .min(32)
    .max(1_024)
    .when('AUTHORIZE_URL', { is: Joi.exist(), then: Joi.required() })
    .tag(SECRET)
    .description('Key that signs requests to `AUTHORIZE_URL`'),
  TENCENT_REST_HOST: Joi.string()
    .pattern(
      /^([a-z0-9.-]+|http:\/\/(127\.0\.0\.1|localhost):\d+)$/i,
      'a host name, such as console.tim.qq.com',
    )
    .when('AUTHORIZE_URL', { is: Joi.exist(), then: Joi.forbidden() })
    .messages({ 'any.unknown': 'has no effect beside AUTHORIZE_URL: set one of them' })
    .description(
      "Host of Tencent's REST API, which knows who is in which group (`console.tim.qq.com` in China). Requires `USERSIG_SECRET_KEY`; cannot be combined with `AUTHORIZE_URL`",
    ),
  TENCENT_ADMIN_ID: identifier
    .default('administrator')
    .description('Admin account of the app in the Chat console'),
  TENCENT_REST_PER_S: Joi.number()
    .integer()
    .min(1)
    .max(10_000)
    .default(100)
    .description('Maximum REST API calls per second from this process'),
  MEMBERSHIP_TTL_S: Joi.number()
    .integer()
    .min(1)
    .max(86_400)
    .default(300)
    .description('How long a confirmed membership is cached, in s'),
  MAX_SOCKETS: Joi.number()
    .integer()
    .min(1)
    .max(1_000_000)
    .default(20_000)
    .description('Maximum sockets of this process. Further connections are refused, and clients retry'),
  MAX_SOCKETS_PER_ADDRESS: Joi.number()
    .integer()
    .min(1)
    .max(1_000_000)
    .default(1_000)
    .description('Maximum sockets of one address, or of one IPv6 network of 64 bits'),
  KEEP_ALIVE_S: Joi.number()
    .integer()
    .min(1)
    .max(86_400)
    .default(620)
    .description(
      'How long a connection may be idle between two requests, in s. Longer than in the load balancer before it, which would send a webhook on a connection that is just being closed',
    ),
  CORS_ORIGINS: list(parsedBy(parseAllowedOrigin))
    .default([])
    .description(
      "Origins whose pages may open sockets and use the HTTP API, besides the gateway's own; separated by commas. Any scheme (`capacitor://localhost`), `null`, names below a domain (`https://*.example.com`), or `*` for any",
    ),
  BATCH_WINDOW_MS: Joi.number()
    .integer()
    .min(0)
    .max(1_000)
    .default(25)
    .description(
      'Minimum time for which notices that follow another are batched into one frame, in ms; 0 = no batching',
    ),
  DRAIN_MS: Joi.number()
    .integer()
    .min(0)
    .max(600_000)
    .default(5_000)
    .description('Time over which a stopping process sends its sockets to other nodes, in ms'),
  TRUST_PROXY: list(network)
    .default([])
    .description(
      'Proxies whose X-Forwarded headers are trusted: addresses, networks, `loopback`, `linklocal`, `uniquelocal` or `shared` (100.64.0.0/10), separated by commas',
    ),
  METRICS_ALLOW: list(network)
    .default(['loopback', 'linklocal', 'uniquelocal'])
    .description(
      'Addresses and networks that may read `/metrics`, written like those of `TRUST_PROXY`. Default: private networks, without `shared`',
    ),
  BASE_PATH: basePath.description(
    'Path below which a proxy serves the gateway, such as `/recalls`, whether the proxy strips it or not. Default: the root',
  ),
  TLS_CERT: Joi.string().description(
    'PEM file with the certificate and its intermediate certificates; reloaded when it changes. Default: no TLS',
  ),
  TLS_KEY: Joi.string()
    .when('TLS_CERT', { is: Joi.exist(), then: Joi.required() })
    .description('PEM file with the key of the certificate'),
})

/** The names of the settings that are secret. */
export const SECRET_SETTINGS: readonly string[] = Object.entries(
  configSchema.describe().keys as Readonly<Record<string, { readonly tags?: readonly string[] }>>,
)
  .filter(([, { tags }]) => tags?.includes(SECRET))
  .map(([name]) => name)
