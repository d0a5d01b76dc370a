import Joi from 'joi'
import { MAX_HEARTBEAT_S, MIN_HEARTBEAT_S } from '../../shared/limits.ts'
import { parseAllowedOrigin } from '../http/origins.ts'
import { accessSettings } from './access-settings.ts'
import { basePath, label, list, memoryBudget, network, parsedBy } from './setting-types.ts'
import { DEFAULT_DATA_DIR } from './settings.ts'
import type { Config } from './settings.ts'
import { storageSettings } from './storage-settings.ts'
import { tracingSettings } from './tracing-settings.ts'
import { webhookSettings } from './webhook-settings.ts'

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
  ENVIRONMENT: label.description(
    'What you call this deployment, such as `production`: the console and `/v1/whoami` show it. At most 32 characters',
  ),
  DATA_DIR: Joi.string().default(DEFAULT_DATA_DIR).description('Data folder, on a local disk'),
  LOG_LEVEL: Joi.valid('fatal', 'error', 'warn', 'info', 'debug', 'silent')
    .default('info')
    .description('Minimum level of log messages: `fatal`, `error`, `warn`, `info`, `debug` or `silent`'),
  ...webhookSettings,
  ...storageSettings,
  ...accessSettings,
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
  ...tracingSettings,
})
