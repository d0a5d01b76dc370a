import type { EvidenceKey } from '../lib/evidence-keys.ts'
import type { ClaimPath } from '../lib/claim-path.ts'
import type { RedisMode } from './redis-url.ts'
import type { Fallback } from './setting-types.ts'

/** The parts of the gateway that this process runs. */
type Role = 'all' | 'receiver' | 'node'

/** The settings, validated and frozen, named like their environment variables. `server/docs/configuration.md` describes them. */
export interface Config {
  readonly HOST: string
  readonly PORT: number
  readonly ROLE: Role
  readonly SDK_APP_ID: string
  readonly ENVIRONMENT?: string
  readonly DATA_DIR: string
  readonly LOG_LEVEL: string
  readonly WEBHOOK_TOKEN: readonly string[]
  readonly WEBHOOK_AUTH: 'on' | 'off'
  readonly WEBHOOK_PATH: string
  readonly WEBHOOK_ALLOW: readonly string[]
  readonly TEST_RECALLS: 'on' | 'off'
  readonly TEST_RECALL_URL?: string
  readonly RELAY_URL?: string
  readonly RELAY_FALLBACK?: Fallback
  readonly RELAY_FALLBACK_OVERRIDES: Readonly<Record<string, Fallback>>
  readonly RELAY_RECALLS: 'on' | 'off'
  readonly RELAY_RETRY_FOR_S: number
  readonly RELAY_QUEUE_MAX_BYTES: number
  readonly RELAY_TLS_CA?: string
  readonly RELAY_TLS_CERT?: string
  readonly RELAY_TLS_KEY?: string
  readonly REDIS_URL?: string
  readonly REDIS_MODE: RedisMode
  readonly REDIS_SENTINEL_NAME: string
  readonly REDIS_SENTINEL_USERNAME?: string
  readonly REDIS_SENTINEL_PASSWORD?: string
  readonly REDIS_WAIT_REPLICAS: number
  readonly REDIS_WAIT_AOF: number
  readonly REDIS_PREFIX: string
  readonly REDIS_SIGNING_KEY: readonly string[]
  readonly SPOOL_MAX_BYTES: number
  readonly QUARANTINE_MAX_BYTES: number
  readonly QUARANTINE_TTL_DAYS: number
  readonly HISTORY_SIZE: number
  readonly HISTORY_TTL_S: number
  readonly RECALLED_TTL_DAYS: number
  readonly JWT_SECRET: readonly string[]
  readonly JWKS_URL?: string
  readonly JWT_ISSUER: readonly string[]
  readonly JWT_AUDIENCE: readonly string[]
  readonly JWT_SUB_CLAIM?: ClaimPath
  readonly JWT_ROLE_CLAIM?: ClaimPath
  readonly JWT_ADMIN_VALUES: readonly string[]
  readonly JWT_ROOMS_CLAIM?: ClaimPath
  readonly CONSOLE_LOGIN_URL?: string
  readonly USERSIG_SECRET_KEY?: string
  readonly ADMIN_USER_IDS: readonly string[]
  readonly EVIDENCE_KEY: readonly EvidenceKey[]
  readonly AUTHORIZE_URL?: string
  readonly AUTHORIZE_SECRET?: string
  readonly TENCENT_REST_HOST?: string
  readonly TENCENT_ADMIN_ID: string
  readonly TENCENT_REST_PER_S: number
  readonly MEMBERSHIP_TTL_S: number
  readonly MAX_SOCKETS: number
  readonly MAX_SOCKETS_PER_ADDRESS: number
  readonly MEMORY_BUDGET_MB?: number
  readonly KEEP_ALIVE_S: number
  readonly HEARTBEAT_S: number
  readonly CORS_ORIGINS: readonly string[]
  readonly BATCH_WINDOW_MS: number
  readonly DRAIN_MS: number
  readonly TRUST_PROXY: readonly string[]
  readonly METRICS_ALLOW: readonly string[]
  readonly OTEL_EXPORTER_OTLP_ENDPOINT?: string
  readonly OTEL_EXPORTER_OTLP_PROTOCOL: string
  readonly OTEL_EXPORTER_OTLP_HEADERS: Readonly<Record<string, string>>
  readonly OTEL_SERVICE_NAME: string
  readonly OTEL_TRACES_SAMPLER_ARG: number
  readonly BASE_PATH?: string
  readonly TLS_CERT?: string
  readonly TLS_KEY?: string
}

export const DEFAULT_DATA_DIR = './data'

/** The environment variables of the process, before they are validated. */
export type Environment = Readonly<Record<string, string | undefined>>
