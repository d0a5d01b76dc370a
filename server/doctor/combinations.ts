import { OTLP_PROTOCOL } from '../config/tracing-settings.ts'
import type { Config } from '../config/settings.ts'
import { critical, info, ok, warning } from './finding.ts'
import type { Finding } from './finding.ts'

type Rule = (settings: Config) => Finding | undefined | false

const ANYONE = ['0.0.0.0/0', '::/0']
const LOOPBACK = ['127.0.0.1', 'localhost', '::1']
/** Load balancers close connections that were idle for about a minute. */
const MIN_KEEP_ALIVE_S = 75
/** Shorter, a phone in a tunnel comes back to a gap. */
const MIN_HISTORY_TTL_S = 600
const MIN_HISTORY_SIZE = 100
/** Source: OpenTelemetry Protocol, default ports. */
const GRPC_PORT = '4317'

const isOpen = (networks: readonly string[]): boolean => networks.some((network) => ANYONE.includes(network))

const RULES: readonly Rule[] = [
  ({ WEBHOOK_AUTH, WEBHOOK_ALLOW, HOST, ROLE }) =>
    WEBHOOK_AUTH === 'off' &&
    ROLE !== 'node' &&
    (WEBHOOK_ALLOW.length > 0 || LOOPBACK.includes(HOST) ? warning : critical)(
      'settings-together',
      'WEBHOOK_AUTH is off: whoever reaches the webhook can send recalls',
      'Turn on authentication in the Chat console, set WEBHOOK_TOKEN, and remove WEBHOOK_AUTH',
    ),
  ({ TRUST_PROXY }) =>
    isOpen(TRUST_PROXY) &&
    critical(
      'settings-together',
      'TRUST_PROXY trusts everybody: any client can claim any address, which limits and WEBHOOK_ALLOW go by',
      'Name the addresses of your proxies only',
    ),
  ({ METRICS_ALLOW }) =>
    isOpen(METRICS_ALLOW) &&
    warning('settings-together', 'METRICS_ALLOW lets everybody read /metrics', 'Name your monitoring only'),
  ({ WEBHOOK_ALLOW, TRUST_PROXY }) =>
    WEBHOOK_ALLOW.length > 0 &&
    TRUST_PROXY.length === 0 &&
    info(
      'settings-together',
      'WEBHOOK_ALLOW is set, and TRUST_PROXY is not: behind a proxy, all webhooks have its address',
      'Name your proxy in TRUST_PROXY if there is one',
    ),
  ({ CORS_ORIGINS }) =>
    CORS_ORIGINS.includes('*') &&
    warning(
      'settings-together',
      'CORS_ORIGINS lets the pages of any site use tokens that they get hold of',
      'Name the origins of your apps',
    ),
  ({ REDIS_URL, REDIS_SIGNING_KEY }) =>
    REDIS_URL !== undefined &&
    REDIS_SIGNING_KEY.length === 0 &&
    info(
      'settings-together',
      'REDIS_SIGNING_KEY is not set: whoever can write to Redis can make clients show recalls that never happened',
      'Set it as redis.md says under Signing, receivers first, or keep others out of Redis',
    ),
  ({ ROLE, EVIDENCE_KEY }) =>
    ROLE !== 'receiver' &&
    EVIDENCE_KEY.length === 0 &&
    info(
      'settings-together',
      'EVIDENCE_KEY is not set: there is no evidence, and when clients were first told of a recall can never be known later',
      'Make a key, as evidence.md says, and give it to all nodes',
    ),
  ({ LOG_LEVEL }) =>
    ['silent', 'fatal'].includes(LOG_LEVEL) &&
    warning(
      'settings-together',
      `LOG_LEVEL is ${LOG_LEVEL}: refused webhooks leave no line`,
      'Set it to info or warn',
    ),
  ({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: protocol }) =>
    endpoint !== undefined &&
    protocol !== OTLP_PROTOCOL &&
    warning(
      'settings-together',
      `OTEL_EXPORTER_OTLP_PROTOCOL is ${protocol}: no spans are sent`,
      `Set it to ${OTLP_PROTOCOL}, with an endpoint that takes OTLP over HTTP, or remove the endpoint`,
    ),
  ({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: protocol }) =>
    endpoint !== undefined &&
    protocol === OTLP_PROTOCOL &&
    new URL(endpoint).port === GRPC_PORT &&
    warning(
      'settings-together',
      `OTEL_EXPORTER_OTLP_ENDPOINT names port ${GRPC_PORT}, where collectors take gRPC: they take no spans over HTTP there`,
      'Name the port for OTLP over HTTP, mostly 4318',
    ),
  ({ LOG_LEVEL }) =>
    LOG_LEVEL === 'debug' &&
    info('settings-together', 'LOG_LEVEL is debug: the log grows with the traffic', 'Set it to info'),
  ({ KEEP_ALIVE_S }) =>
    KEEP_ALIVE_S < MIN_KEEP_ALIVE_S &&
    warning(
      'settings-together',
      `KEEP_ALIVE_S is ${KEEP_ALIVE_S}: a balancer that keeps connections for longer sends webhooks into closed ones`,
      'Set it to more than the idle timeout of what is in front, such as 620',
    ),
  ({ HISTORY_TTL_S, HISTORY_SIZE }) =>
    (HISTORY_TTL_S < MIN_HISTORY_TTL_S || HISTORY_SIZE < MIN_HISTORY_SIZE) &&
    warning(
      'settings-together',
      `logs hold ${HISTORY_SIZE} notices for ${HISTORY_TTL_S} s: clients that were away for longer receive gaps`,
      'Raise HISTORY_SIZE and HISTORY_TTL_S',
    ),
  ({ ROLE, REDIS_URL, TEST_RECALLS }) =>
    ROLE === 'all' &&
    REDIS_URL === undefined &&
    TEST_RECALLS === 'off' &&
    info(
      'settings-together',
      'without REDIS_URL, recalls are on the disk of this machine alone, and there can be no second process',
      'Set REDIS_URL to run more than one',
    ),
]

/** Judges which settings contradict each other, or are likely a mistake; pure. */
export function judgeCombinations(settings: Config): Finding[] {
  const findings = RULES.map((rule) => rule(settings)).filter((found) => typeof found === 'object')
  return findings.length > 0 ? findings : [ok('settings-together', 'no settings contradict each other')]
}
