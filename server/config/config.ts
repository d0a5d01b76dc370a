import Joi from 'joi'
import { MAX_HEARTBEAT_S, MIN_HEARTBEAT_S } from '../../shared/limits.ts'
import { parseAllowedOrigin } from '../http/origins.ts'
import { normalizePath } from '../lib/path.ts'
import { identifier } from '../lib/schema.ts'
import {
  basePath,
  fallbackOverrides,
  jwksUrl,
  list,
  memoryBudget,
  NAME,
  network,
  OWN_PATHS,
  parsedBy,
  redisUrl,
  relayUrl,
  requestUrl,
  requiredWithout,
  SECRET,
} from './setting-types.ts'
import { DEFAULT_DATA_DIR } from './settings.ts'
import type { Config } from './settings.ts'

const webhookToken = Joi.when('WEBHOOK_AUTH', {
  is: 'off',
  then: Joi.forbidden(),
  otherwise: Joi.required(),
})

/** One entry per setting. A test compares defaults and descriptions with `server/docs/configuration.md`. */
export const configSchema = Joi.object<Config>({
  HOST: Joi.string()
    .hostname()
    .default('0.0.0.0')
    .description('Address to listen on; `::` for IPv6 and IPv4'),
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
      then: webhookToken,
      // A node uses it for test recalls only.
      otherwise: Joi.when('TEST_RECALL_URL', { is: Joi.exist(), then: webhookToken }),
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
  TEST_RECALL_URL: requestUrl('https', 'http')
    .pattern(/^[^?#]*$/, 'a URL without ? and #')
    .description(
      'Webhook URL of a receiver, to which test recalls are posted, signed with `WEBHOOK_TOKEN`. Default: this process if it receives webhooks itself; a `node` publishes them past the receivers, and says so',
    ),
  RELAY_URL: relayUrl
    .tag(SECRET)
    .description(
      "URL of the app's own backend, to which every webhook is relayed; may have a path. Default: no relay",
    ),
  RELAY_FALLBACK: Joi.valid('allow', 'deny')
    .when('RELAY_URL', {
      is: Joi.exist(),
      then: Joi.when('ROLE', { is: 'node', otherwise: Joi.required() }),
    })
    .description(
      'Response to Before-commands while the backend fails or is late: `allow` lets the action happen, `deny` refuses it. Required with `RELAY_URL`',
    ),
  RELAY_FALLBACK_OVERRIDES: fallbackOverrides
    .default({})
    .description(
      'Other responses for single commands, such as `Group.CallbackBeforeSendMsg=deny`, separated by commas',
    ),
  RELAY_RECALLS: Joi.valid('on', 'off')
    .default('on')
    .description('`off` keeps recalls from the backend, and relays only the other commands'),
  RELAY_RETRY_FOR_S: Joi.number()
    .integer()
    .min(1)
    .max(2_592_000)
    .default(86_400)
    .description(
      'How long a request that the backend has not accepted is tried again, in s. After that, it goes to the quarantine',
    ),
  RELAY_QUEUE_MAX_BYTES: Joi.number()
    .integer()
    .min(1_000)
    .max(2 ** 40)
    .default(2 ** 30)
    .description('Maximum size of the queue on disk of requests that wait for the backend, in bytes'),
  RELAY_TLS_CA: Joi.string().description(
    'PEM file with the certificates that may have signed that of the backend. Default: those that Node.js trusts',
  ),
  RELAY_TLS_CERT: Joi.string().description(
    'PEM file with the certificate that the gateway shows to the backend, for backends that ask for one',
  ),
  RELAY_TLS_KEY: Joi.string()
    .when('RELAY_TLS_CERT', { is: Joi.exist(), then: Joi.required() })
    .description('PEM file with the key of that certificate'),
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
  REDIS_WAIT_AOF: Joi.number()
    .valid(0, 1)
    .default(0)
    .description(
      '`1`: a recall counts as stored only once the append-only file of Redis is synced to disk, also those of the replicas that `REDIS_WAIT_REPLICAS` asks for. Needs Redis 7.2 or newer, or Valkey, with `appendonly yes`',
    ),
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
  QUARANTINE_MAX_BYTES: Joi.number()
    .integer()
    .min(2 ** 24)
    .max(2 ** 40)
    .default(2 ** 28)
    .description(
      'Maximum size of the quarantine, which holds on disk what could not be delivered, in bytes: half of it for recalls, a quarter for requests that the relay gave up, an eighth each for webhooks that were not understood and for what is rotten',
    ),
  QUARANTINE_TTL_DAYS: Joi.number()
    .integer()
    .min(1)
    .max(3_650)
    .default(30)
    .description('How long an entry stays in the quarantine, in days'),
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
  JWKS_URL: jwksUrl.description('JWKS with the public keys for tokens: an https or file URL'),
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
  AUTHORIZE_URL: requestUrl('https', 'http').description(
    'Endpoint of your backend that decides which user may enter which room',
  ),
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
  MEMORY_BUDGET_MB: memoryBudget.description(
    'Maximum memory of what waits for slow sockets, streams and clients, in MiB: the fattest are sent away first, and new ones refused. Default: a quarter of the memory of the container or machine, at most half of the heap of Node.js',
  ),
  KEEP_ALIVE_S: Joi.number()
    .integer()
    .min(1)
    .max(86_400)
    .default(620)
    .description(
      'How long a connection may be idle between two requests, in s. Longer than in the load balancer before it, which would send a webhook on a connection that is just being closed',
    ),
  HEARTBEAT_S: Joi.number()
    .integer()
    .min(MIN_HEARTBEAT_S)
    .max(MAX_HEARTBEAT_S)
    .default(8)
    .description(
      'How often a node sends a ping on each socket and a comment on each stream, in s. Clients count a connection as dead after 1.25 times as long. Proxies must wait longer for data',
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
    .default(100)
    .description(
      'Longest time for which notices that follow another wait to share a frame with more, in ms; they wait only while the process is busy. 0 = no batching',
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
