import { createHash } from 'node:crypto'
import { defaultBudgetMb } from '../lib/memory-limit.ts'
import type { Config } from './settings.ts'
import { OTLP_PROTOCOL } from './tracing-settings.ts'

/** Beside the sockets and streams. */
const OTHER_CONNECTIONS = 5_000
const OTHER_CONNECTIONS_PER_ADDRESS = 1_000

/**
 * Maps the settings to the options of each part; pure. The parts declare the types of their options, and TypeScript compares
 * the two where `gateway.ts` passes them on.
 */

export const http = (config: Config) => ({
  host: config.HOST,
  port: config.PORT,
  keepAliveMs: config.KEEP_ALIVE_S * 1_000,
  maxConnections: config.MAX_SOCKETS + OTHER_CONNECTIONS,
  maxPerAddress: config.MAX_SOCKETS_PER_ADDRESS + OTHER_CONNECTIONS_PER_ADDRESS,
  tls: tlsFiles(config),
  basePath: config.BASE_PATH,
})

export const receiver = (config: Config) => ({
  app: config.SDK_APP_ID,
  tokens: config.WEBHOOK_AUTH === 'off' ? undefined : config.WEBHOOK_TOKEN,
  path: config.WEBHOOK_PATH,
})

/** Undefined without a relay. */
export const relay = ({ RELAY_URL: url, RELAY_FALLBACK: fallback, ...config }: Config) =>
  url === undefined || fallback === undefined
    ? undefined
    : {
        url,
        app: config.SDK_APP_ID,
        /** Signs what waited too long for the signature that it came with. */
        token: config.WEBHOOK_AUTH === 'off' ? undefined : config.WEBHOOK_TOKEN[0],
        fallback,
        overrides: config.RELAY_FALLBACK_OVERRIDES,
        recalls: config.RELAY_RECALLS === 'on',
        retryForMs: config.RELAY_RETRY_FOR_S * 1_000,
        maxQueueBytes: config.RELAY_QUEUE_MAX_BYTES,
        tls: { ca: config.RELAY_TLS_CA, cert: config.RELAY_TLS_CERT, key: config.RELAY_TLS_KEY },
      }

export const announcer = (config: Config) => ({ membershipTtlMs: config.MEMBERSHIP_TTL_S * 1_000 })

/** For the stores in the data folder. */
export const stores = (config: Config) => ({
  dataDir: config.DATA_DIR,
  maxBytes: config.SPOOL_MAX_BYTES,
})

export const quarantine = (config: Config) => ({
  dataDir: config.DATA_DIR,
  maxBytes: config.QUARANTINE_MAX_BYTES,
  ttlMs: config.QUARANTINE_TTL_DAYS * 86_400_000,
})

export const embedded = (config: Config) => ({ ...logLimits(config), dataDir: config.DATA_DIR })

/** Undefined without Redis. */
export const redis = ({ REDIS_URL: url, ...config }: Config) =>
  url === undefined
    ? undefined
    : {
        ...logLimits(config),
        url,
        mode: config.REDIS_MODE,
        sentinelName: config.REDIS_SENTINEL_NAME,
        sentinelUsername: config.REDIS_SENTINEL_USERNAME,
        sentinelPassword: config.REDIS_SENTINEL_PASSWORD,
        waitReplicas: config.REDIS_WAIT_REPLICAS,
        waitAof: config.REDIS_WAIT_AOF === 1,
        signingKeys: config.REDIS_SIGNING_KEY,
        prefix: config.REDIS_PREFIX,
        app: config.SDK_APP_ID,
      }

export const spooling = (config: Config) => ({
  // Without the credentials, which may have been replaced while Redis was away.
  brokerName: createHash('sha256')
    .update(`${config.REDIS_URL?.replace(/\/\/[^@,]*@/g, '//')} ${config.REDIS_PREFIX} ${config.SDK_APP_ID}`)
    .digest('hex'),
  historySize: config.HISTORY_SIZE,
  waitsForSync: config.REDIS_WAIT_AOF === 1,
})

export const realtime = (config: Config) => ({
  batchWindowMs: config.BATCH_WINDOW_MS,
  drainMs: config.DRAIN_MS,
  heartbeatMs: config.HEARTBEAT_S * 1_000,
  maxSockets: config.MAX_SOCKETS,
  maxSocketsPerAddress: config.MAX_SOCKETS_PER_ADDRESS,
})

/** Where spans go; undefined if nowhere. */
export const collector = ({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, ...config }: Config) =>
  endpoint === undefined || config.OTEL_EXPORTER_OTLP_PROTOCOL !== OTLP_PROTOCOL
    ? undefined
    : {
        // The whole address is what other settings and programs take.
        url: `${endpoint.replace(/(\/v1\/traces)?\/*$/, '')}/v1/traces`,
        headers: config.OTEL_EXPORTER_OTLP_HEADERS,
        service: config.OTEL_SERVICE_NAME,
        ratio: config.OTEL_TRACES_SAMPLER_ARG,
      }

/** For all that waits for slow peers. */
export const memory = ({ MEMORY_BUDGET_MB: budgetMb = defaultBudgetMb() }: Config) => ({
  bytes: budgetMb * 2 ** 20,
})

/** What ratios of metrics are compared with; 0 for what the process does not have. */
export const metricLimits = (config: Config, { hasSpool }: { readonly hasSpool: boolean }) => ({
  maxSockets: config.ROLE === 'receiver' ? 0 : config.MAX_SOCKETS,
  spoolMaxBytes: hasSpool ? config.SPOOL_MAX_BYTES : 0,
  relayQueueMaxBytes:
    relay(config) === undefined || config.ROLE === 'node' ? 0 : config.RELAY_QUEUE_MAX_BYTES,
})

export const api = (config: Config) => ({
  testRecalls: config.TEST_RECALLS === 'on',
})

export const deployment = (config: Config) => ({
  app: config.SDK_APP_ID,
  environment: config.ENVIRONMENT,
  loginUrl: config.CONSOLE_LOGIN_URL,
})

/** For signing test recalls like webhooks. */
export const testRecalls = (config: Config) => ({
  app: config.SDK_APP_ID,
  token: config.WEBHOOK_AUTH === 'off' ? undefined : config.WEBHOOK_TOKEN[0],
})

/** Whether the process can check the tokens of the HTTP API, which a receiver need not. */
export const checksTokens = ({ JWT_SECRET, JWKS_URL }: Config): boolean =>
  JWT_SECRET.length > 0 || JWKS_URL !== undefined

/** What tokens must say, and where they say it; for those who sign them too. */
export const tokens = (config: Config) => ({
  issuers: config.JWT_ISSUER,
  audiences: config.JWT_AUDIENCE,
  names: {
    sub: config.JWT_SUB_CLAIM,
    role: config.JWT_ROLE_CLAIM,
    adminValues: config.JWT_ADMIN_VALUES,
    rooms: config.JWT_ROOMS_CLAIM,
  },
})

export const authentication = (config: Config) => ({
  app: config.SDK_APP_ID,
  secrets: config.JWT_SECRET,
  jwksUrl: config.JWKS_URL,
  ...tokens(config),
  userSigKey: config.USERSIG_SECRET_KEY,
  adminUserIds: config.ADMIN_USER_IDS,
})

/** Undefined unless the app's backend decides on memberships. */
export const appEndpoint = ({ AUTHORIZE_URL: url, AUTHORIZE_SECRET: secret, SDK_APP_ID: app }: Config) =>
  url === undefined || secret === undefined ? undefined : { url, secret, app }

/** Undefined unless memberships are looked up in Tencent's REST API. */
export const tencentRest = ({
  TENCENT_REST_HOST: host,
  USERSIG_SECRET_KEY: key,
  SDK_APP_ID: app,
  TENCENT_ADMIN_ID: adminId,
  TENCENT_REST_PER_S: perSecond,
}: Config) => (host === undefined || key === undefined ? undefined : { host, app, adminId, key, perSecond })

/** Certificate and key, if the gateway terminates TLS itself. */
const tlsFiles = ({ TLS_CERT: cert, TLS_KEY: key }: Config) =>
  cert === undefined || key === undefined ? undefined : { cert, key }

/** The same for every broker. */
function logLimits({ HISTORY_SIZE, HISTORY_TTL_S, RECALLED_TTL_DAYS }: Config) {
  return {
    historySize: HISTORY_SIZE,
    historyTtlS: HISTORY_TTL_S,
    recalledTtlS: RECALLED_TTL_DAYS === 0 ? undefined : RECALLED_TTL_DAYS * 86_400,
  }
}
