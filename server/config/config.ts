import Joi from 'joi'
import { GatewayError } from '../../shared/errors.ts'
import { createClientAddress } from '../http/client-address.ts'
import { identifier } from '../lib/schema.ts'
import { createNetworkMatcher } from '../http/client-address.ts'

/** Which halves of the gateway this process runs. */
type Role = 'all' | 'receiver' | 'node'

/** How the Redis server that holds our names is found. */
type RedisMode = 'single' | 'sentinel' | 'cluster'

/** The settings, checked and frozen. Names are those of the environment variables; the README tells them in a table. */
export interface Config {
  readonly HOST: string
  readonly PORT: number
  readonly ROLE: Role
  readonly SDK_APP_ID: string
  readonly WEBHOOK_TOKEN: readonly string[]
  readonly WEBHOOK_AUTH: 'on' | 'off'
  readonly WEBHOOK_PATH: string
  readonly WEBHOOK_ALLOW: readonly string[]
  readonly TEST_RECALLS: 'on' | 'off'
  readonly REDIS_URL?: string
  readonly REDIS_MODE: RedisMode
  readonly REDIS_SENTINEL_NAME: string
  readonly REDIS_WAIT_REPLICAS: number
  readonly REDIS_PREFIX: string
  readonly REDIS_SIGNING_KEY: readonly string[]
  readonly DATA_DIR: string
  readonly SPOOL_MAX_BYTES: number
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
  readonly HISTORY_SIZE: number
  readonly HISTORY_TTL_S: number
  readonly RECALLED_TTL_DAYS: number
  readonly BATCH_WINDOW_MS: number
  readonly DRAIN_MS: number
  readonly LOG_LEVEL: string
  readonly CORS_ORIGINS: readonly string[]
  readonly TRUST_PROXY: readonly string[]
  readonly MAX_SOCKETS: number
  readonly MAX_SOCKETS_PER_ADDRESS: number
  readonly TLS_CERT?: string
  readonly TLS_KEY?: string
}

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

const network = Joi.string().custom((value: string, { error }) => {
  try {
    createClientAddress([value])
    return value
  } catch {
    return error('string.network')
  }
})

const sourceNetwork = Joi.string().custom((value: string, { error }) => {
  try {
    createNetworkMatcher([value])
    return value
  } catch {
    return error('string.network')
  }
})

const redisUrl = Joi.string().uri({ scheme: ['redis', 'rediss'] })

const redisUrls = Joi.string().custom((value: string, { error }) =>
  value.split(',').every((url) => redisUrl.required().validate(url.trim()).error === undefined)
    ? value
    : error('string.uri'),
)

const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/

/** Required unless one of these other settings is there. */
const neededWithout = (...names: readonly string[]): Joi.Schema =>
  names.reduce<Joi.Schema>(
    (otherwise, name) => Joi.when(name, { is: Joi.exist(), otherwise }),
    Joi.required(),
  )

/** One entry per setting; `description` is what the README says of it. */
export const configSchema = Joi.object<Config>({
  HOST: Joi.string().hostname().default('0.0.0.0').description('address to listen on'),
  PORT: Joi.number().port().default(8080).description('port to listen on'),
  ROLE: Joi.valid('all', 'receiver', 'node')
    .default('all')
    .description('which halves run here: all, receiver (webhooks) or node (sockets)'),
  SDK_APP_ID: Joi.string()
    .pattern(/^[1-9]\d{0,14}$/, 'digits')
    .required()
    .description('SDKAppID of the Tencent Cloud Chat app'),
  WEBHOOK_TOKEN: list(Joi.string().min(1).max(256))
    .when('ROLE', {
      not: 'node',
      then: Joi.when('WEBHOOK_AUTH', { is: 'off', then: Joi.forbidden(), otherwise: Joi.required() }),
    })
    .default([])
    .description(
      'token of the webhook authentication in the Chat console; several, separated by commas, for rotation',
    ),
  WEBHOOK_AUTH: Joi.valid('on', 'off')
    .default('on')
    .description('`off` takes webhooks from anybody who knows the path, and warns at every start'),
  WEBHOOK_PATH: Joi.string()
    .pattern(/^(\/[\w.~-]+)+$/, 'path')
    .pattern(/^\/(livez|readyz|metrics|assets|v1|docs|client\.js|socket\.io)(\/|$)/, {
      name: 'taken',
      invert: true,
    })
    .default('/webhook')
    .description('path that the Chat console calls; may hold a secret'),
  WEBHOOK_ALLOW: list(sourceNetwork)
    .default([])
    .description(
      'addresses and networks that webhooks are taken from (`10.0.0.0/8`), separated by commas; none = any',
    ),
  REDIS_URL: Joi.string()
    .when('ROLE', { is: 'all', otherwise: Joi.required() })
    .when('REDIS_MODE', { is: 'single', then: redisUrl, otherwise: redisUrls.required() })
    .description('Redis 7.0 or newer; none = the embedded broker, one process'),
  TEST_RECALLS: Joi.valid('on', 'off')
    .default('off')
    .description('`on` lets admins make recalls, to try whether they arrive'),
  REDIS_MODE: Joi.valid('single', 'sentinel', 'cluster')
    .default('single')
    .description(
      'what `REDIS_URL` names: single (the server), sentinel or cluster (those to ask, separated by commas; credentials, TLS and database of the first count)',
    ),
  REDIS_SENTINEL_NAME: Joi.string()
    .pattern(/^[\w:.-]{1,64}$/, 'name')
    .default('mymaster')
    .description('what the sentinels call the master'),
  REDIS_WAIT_REPLICAS: Joi.number()
    .integer()
    .min(0)
    .max(5)
    .default(0)
    .description('how many replicas must have a recall before it counts as kept'),
  REDIS_PREFIX: Joi.string()
    .pattern(/^[\w:.-]{1,64}$/, 'prefix')
    .default('recall-gateway')
    .description('first part of every name in Redis'),
  REDIS_SIGNING_KEY: list(Joi.string().min(32).max(1_024))
    .default([])
    .description(
      'signs what goes through Redis, the same on all processes; several, separated by commas, for rotation; none = unsigned',
    ),
  DATA_DIR: Joi.string().default('./data').description('folder on a local disk'),
  SPOOL_MAX_BYTES: Joi.number()
    .integer()
    .min(1_000)
    .max(2 ** 40)
    .default(2 ** 30)
    .description('most bytes of recalls that wait on disk while Redis is away'),
  JWT_SECRET: list(Joi.string().min(32).max(1_024))
    .when('ROLE', { is: 'receiver', otherwise: neededWithout('JWKS_URL', 'USERSIG_SECRET_KEY') })
    .default([])
    .description(
      'key of HS256 tokens; several, separated by commas, for rotation; a node needs this, `JWKS_URL` or `USERSIG_SECRET_KEY`',
    ),
  JWKS_URL: Joi.string()
    .uri({ scheme: ['https', 'http', 'file'] })
    .custom((url: string, { error }) =>
      /^http:/i.test(url) && !LOOPBACK.test(new URL(url).hostname) ? error('string.https') : url,
    )
    .description('public keys of tokens, as a JWKS: an https or file URL'),
  JWT_ISSUER: Joi.string().max(256).description('what `iss` of a token must be'),
  JWT_AUDIENCE: Joi.string().max(256).description('what `aud` of a token must be, or hold'),
  USERSIG_SECRET_KEY: Joi.string()
    .min(32)
    .max(256)
    .description(
      'secret key of the app in the Chat console: sockets may show UserSigs, and the REST API can be called',
    ),
  ADMIN_USER_IDS: list(identifier)
    .default([])
    .description('users who are admins with a UserSig, separated by commas'),
  AUTHORIZE_URL: Joi.string()
    .uri({ scheme: ['https', 'http'] })
    .description("where the app's own backend is asked who may be in which room"),
  AUTHORIZE_SECRET: Joi.string()
    .min(32)
    .max(1_024)
    .when('AUTHORIZE_URL', { is: Joi.exist(), then: Joi.required() })
    .description('signs what is asked there'),
  TENCENT_REST_HOST: Joi.string()
    .pattern(/^([a-z0-9.-]+|http:\/\/(127\.0\.0\.1|localhost):\d+)$/i, 'host')
    .when('AUTHORIZE_URL', { is: Joi.exist(), then: Joi.forbidden() })
    .when('USERSIG_SECRET_KEY', { is: Joi.exist(), otherwise: Joi.forbidden() })
    .description(
      "host of the provider's REST API, which is asked who is in which group (`console.tim.qq.com` in China); instead of `AUTHORIZE_URL`, and with `USERSIG_SECRET_KEY`",
    ),
  TENCENT_ADMIN_ID: identifier
    .default('administrator')
    .description('admin account of the app in the Chat console'),
  TENCENT_REST_PER_S: Joi.number()
    .integer()
    .min(1)
    .max(10_000)
    .default(100)
    .description('most calls of the REST API a second, of this process'),
  MEMBERSHIP_TTL_S: Joi.number()
    .integer()
    .min(1)
    .max(86_400)
    .default(300)
    .description('how long it is believed that a user is a member, in s'),
  HISTORY_SIZE: Joi.number()
    .integer()
    .min(1)
    .max(100_000)
    .default(1_000)
    .description('longest log of a room, in notices'),
  HISTORY_TTL_S: Joi.number()
    .integer()
    .min(1)
    .max(2_592_000)
    .default(86_400)
    .description('how long the log of a room is kept after its last notice, in s'),
  RECALLED_TTL_DAYS: Joi.number()
    .integer()
    .min(0)
    .max(3_650)
    .default(0)
    .description(
      'how long it is kept which messages of a conversation are recalled, in days after its last recall; 0 = for ever',
    ),
  BATCH_WINDOW_MS: Joi.number()
    .integer()
    .min(0)
    .max(1_000)
    .default(25)
    .description(
      'how long notices that follow another are gathered into one frame, at least, in ms; 0 = not at all',
    ),
  DRAIN_MS: Joi.number()
    .integer()
    .min(0)
    .max(600_000)
    .default(5_000)
    .description('over how long sockets are sent to other nodes at a stop, in ms'),
  LOG_LEVEL: Joi.valid('fatal', 'error', 'warn', 'info', 'debug', 'silent')
    .default('info')
    .description('least level logged'),
  CORS_ORIGINS: list(Joi.string().pattern(/^(\*|https?:\/\/[^/\s]+)$/, 'origin'))
    .default([])
    .description(
      'origins of pages that may open sockets, separated by commas, `*` for any; none = the own origin',
    ),
  TRUST_PROXY: list(network)
    .default([])
    .description(
      'proxies whose X-Forwarded-For is believed: addresses, networks, `loopback`, `linklocal`, `uniquelocal`, separated by commas',
    ),
  MAX_SOCKETS: Joi.number()
    .integer()
    .min(1)
    .max(1_000_000)
    .default(20_000)
    .description('most sockets of this process; more are turned away, and try again'),
  MAX_SOCKETS_PER_ADDRESS: Joi.number()
    .integer()
    .min(1)
    .max(1_000_000)
    .default(1_000)
    .description('most sockets of one address, or of one IPv6 network of 64 bits'),
  TLS_CERT: Joi.string().description(
    'file with the certificate, and those between it and the root, as PEM; read again when it changes; none = no TLS',
  ),
  TLS_KEY: Joi.string()
    .when('TLS_CERT', { is: Joi.exist(), then: Joi.required(), otherwise: Joi.forbidden() })
    .description('file with the key of the certificate, as PEM'),
})

/**
 * The settings in `environment`, which is not read again. Throws CONFIG_INVALID naming every setting that is missing or
 * wrong, in one go, and never its value: it may be a secret.
 */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  // An empty variable is a missing one: compose files and shells make no difference.
  const known = Object.keys(configSchema.describe().keys)
  const given = Object.fromEntries(
    known.map((name) => [name, environment[name] === '' ? undefined : environment[name]]),
  )
  const { value, error } = configSchema.validate(given, {
    abortEarly: false,
    errors: { wrap: { label: false } },
  })
  if (error !== undefined) {
    const problems = error.details.map(({ path, type, context }) =>
      describeProblem(String(path[0]), type, context),
    )
    throw new GatewayError('CONFIG_INVALID', [...new Set(problems)].join('; '))
  }
  for (const setting of Object.values(value)) Object.freeze(setting)
  return Object.freeze(value)
}

function describeProblem(name: string, type: string, context: Joi.Context | undefined): string {
  if (type === 'any.required') return `${name} is missing`
  const limit: unknown = context?.['limit']
  const rule = type.endsWith('.base') ? 'not of its type' : (type.split('.')[1] ?? type)
  return `${name} is wrong (${rule}${typeof limit === 'number' ? ` ${limit}` : ''}): see its row in the README`
}
