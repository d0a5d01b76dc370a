import type { IncomingMessage } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import type { Router } from 'express'
import { GatewayError } from '../shared/errors.ts'
import { encodeMembershipEnd } from './auth/announcements.ts'
import { createApi } from './api/api.ts'
import type { Broker } from './broker/broker.ts'
import { createEmbeddedBroker } from './broker/embedded/embedded-broker.ts'
import { createRedisBroker } from './broker/redis/redis-broker.ts'
import { createSpoolingBroker } from './broker/spooling/spooling-broker.ts'
import { openSpool } from './broker/spooling/spool.ts'
import type { Spool } from './broker/spooling/spool.ts'
import { createClientAddress, createNetworkMatcher, PRIVATE_NETWORKS } from './http/client-address.ts'
import type { ClientAddress } from './http/client-address.ts'
import { createHttpServer } from './http/server.ts'
import type { Config } from './config/config.ts'
import {
  apiOptions,
  appEndpointOptions,
  authenticationOptions,
  embeddedOptions,
  httpOptions,
  realtimeOptions,
  receiverOptions,
  redisOptions,
  spoolingOptions,
  storeOptions,
  tencentRestOptions,
} from './config/options.ts'
import { lockDataDir } from './lib/data-dir.ts'
import { createHealth, startHeartbeat } from './telemetry/health.ts'
import type { Logger } from './telemetry/logger.ts'
import { createMetrics } from './telemetry/metrics.ts'
import type { Metrics } from './telemetry/metrics.ts'
import type { HeartbeatState } from './telemetry/health.ts'
import { serveClientScript, serveConsole } from './http/static-files.ts'
import { createRealtime } from './realtime/realtime.ts'
import type { Realtime } from './realtime/realtime.ts'
import { openQuarantine } from './receiver/quarantine.ts'
import type { MembershipEnd } from './receiver/commands/membership.ts'
import { createReceiver } from './receiver/receiver.ts'
import type { Receiver } from './receiver/receiver.ts'
import { createAuthorization } from './auth/authorization.ts'
import type { Authorization } from './auth/authorization.ts'
import { createAuthenticate, limitFailures } from './auth/authentication.ts'
import type { FailureLimiter } from './auth/authentication.ts'
import { createAppEndpoint } from './auth/membership/app-endpoint.ts'
import { MembershipCache } from './auth/membership/membership-cache.ts'
import { createTencentRest } from './auth/membership/tencent-rest.ts'
import { Revocations } from './auth/revocations.ts'

export interface Gateway {
  /** Where connections are taken. */
  readonly port: number
  /** Drains and stops everything. A second call gets the promise of the first. Never rejects. */
  stop(): Promise<void>
}

/**
 * Builds every part that the role asks for and starts them, broker first. Rejects with START_FAILED when one cannot
 * start; those already started are stopped then.
 */
export async function startGateway(config: Config, log: Logger): Promise<Gateway> {
  const lifecycle = new Lifecycle(log)
  try {
    const port = await startParts(config, lifecycle, log)
    const broker = config.REDIS_URL === undefined ? 'embedded' : 'redis'
    log.info({ port, role: config.ROLE, broker }, 'gateway started')
    return { port, stop: () => lifecycle.stop() }
  } catch (error) {
    await lifecycle.stop()
    throw error
  }
}

/** Answers the port on which connections are taken. */
async function startParts(config: Config, lifecycle: Lifecycle, log: Logger): Promise<number> {
  const metrics = createMetrics()
  const addressOf = createClientAddress(config.TRUST_PROXY)
  const receives = config.ROLE !== 'node'
  if (receives) lifecycle.onStop('data folder', (await lockDataDir(config.DATA_DIR)).release)
  const spool = receives && config.REDIS_URL !== undefined ? openStore(config, openSpool) : undefined
  const broker = createBroker(config, spool, log)
  lifecycle.onStop('broker', broker.stop)
  await broker.start()

  const admitting = config.ROLE === 'receiver' ? undefined : createAccess(config, addressOf)
  const realtime =
    admitting && createRealtime(realtimeOptions(config), { ...admitting, broker, addressOf, metrics, log })
  const handlers = receives ? [createWebhooks(config, lifecycle, { broker, addressOf, metrics, log })] : []
  const routers = [
    ...createOperations(addressOf, { lifecycle, broker, spool, realtime, metrics }),
    ...(admitting && realtime ? createDoors(config, admitting, { broker, realtime, log }) : []),
  ]
  const http = createHttpServer(
    { ...httpOptions(config), webSocketPath: realtime?.path },
    { handlers, routers },
    log,
  )
  realtime?.attach(http.server)
  const port = await http.start()
  const stopReporting = startHeartbeat(
    broker,
    createStateReader(config, { lifecycle, broker, spool, realtime, metrics }),
    log,
  )
  lifecycle.onStop('report', async () => stopReporting())
  lifecycle.onStop('http', http.stop)
  if (realtime) lifecycle.onStop('sockets', realtime.stop)
  // Before the server: webhooks are still taken while sockets are sent elsewhere and load balancers look away.
  lifecycle.onStop('drain', async () => {
    http.closeAfterResponse()
    await (realtime?.drain() ?? delay(config.DRAIN_MS))
  })
  return port
}

/** What people and programs ask of a node beside its sockets. */
function createDoors(
  config: Config,
  { admission, guard }: Access,
  { broker, realtime, log }: { readonly broker: Broker; readonly realtime: Realtime; readonly log: Logger },
): Router[] {
  const { openStream, socketsIn } = realtime
  const api = createApi(apiOptions(config), { admission, guard, broker, openStream, socketsIn, log })
  return [api, serveClientScript(), serveConsole()]
}

function createWebhooks(
  config: Config,
  lifecycle: Lifecycle,
  {
    addressOf,
    ...dependencies
  }: {
    readonly broker: Broker
    readonly addressOf: ClientAddress
    readonly metrics: Metrics
    readonly log: Logger
  },
): Receiver {
  const quarantine = openStore(config, openQuarantine)
  lifecycle.onStop('quarantine', quarantine.close)
  const isAllowed = createNetworkMatcher(config.WEBHOOK_ALLOW)
  if (config.WEBHOOK_AUTH === 'off')
    dependencies.log.warn('WEBHOOK_AUTH is off: anybody who knows the path can tell of recalls')
  const options = {
    ...receiverOptions(config),
    mayCall: (request: IncomingMessage) => config.WEBHOOK_ALLOW.length === 0 || isAllowed(addressOf(request)),
  }
  const announce = ({ group, userIds }: MembershipEnd): Promise<unknown> =>
    Promise.all(
      encodeMembershipEnd(group, userIds).map((text) => dependencies.broker.announce('memberships', text)),
    )
  return createReceiver(options, { ...dependencies, quarantine, announceMembershipEnd: announce })
}

interface Operated {
  readonly lifecycle: Lifecycle
  readonly broker: Broker
  readonly spool: Spool | undefined
  readonly realtime: Realtime | undefined
  readonly metrics: ReturnType<typeof createMetrics>
}

/** What operators ask: health and metrics. */
function createOperations(
  addressOf: ClientAddress,
  { lifecycle, broker, spool, realtime, metrics }: Operated,
): Router[] {
  const isPrivate = createNetworkMatcher(PRIVATE_NETWORKS)
  const spoolDepth = () => spool?.depth(Date.now())
  return [
    createHealth({
      isTaking: () => !lifecycle.isStopping,
      isBrokerReady: broker.isReady,
      spoolDepth,
      servesSockets: realtime !== undefined,
    }),
    metrics.createRouter({
      mayRead: (request) => isPrivate(addressOf(request)),
      sockets: () => realtime?.sockets() ?? 0,
      rooms: () => realtime?.rooms() ?? 0,
      mostWaiting: () => realtime?.mostWaiting() ?? 0,
      probeAgeMs: broker.probeAgeMs,
      spoolDepth,
    }),
  ]
}

/** How this process is, whenever it is asked. */
function createStateReader(
  { ROLE: role }: Config,
  { lifecycle, broker, spool, realtime, metrics }: Operated,
): () => HeartbeatState {
  const startedAtMs = Date.now()
  return () => {
    const waiting = spool?.depth(Date.now())
    return {
      role,
      startedAtMs,
      ready: !lifecycle.isStopping && broker.isReady(),
      sockets: realtime?.sockets() ?? 0,
      rooms: realtime?.rooms() ?? 0,
      probeAgeMs: broker.probeAgeMs(),
      ...(waiting && { spool: waiting }),
      counts: metrics.counts(),
      latencyMs: metrics.latencyMs(),
    }
  }
}

function createBroker(config: Config, spool: Spool | undefined, log: Logger): Broker {
  const options = redisOptions(config)
  if (options === undefined) return createEmbeddedBroker(embeddedOptions(config), { log })
  const broker = createRedisBroker(options, { log })
  return spool === undefined ? broker : createSpoolingBroker(spoolingOptions(config), { broker, spool, log })
}

function openStore<Store>(config: Config, open: (options: ReturnType<typeof storeOptions>) => Store): Store {
  try {
    return open(storeOptions(config))
  } catch (cause) {
    throw new GatewayError('START_FAILED', `cannot open a store in DATA_DIR ${config.DATA_DIR}`, { cause })
  }
}

type Stop = () => Promise<void>

/** What was started, to be stopped in the reverse order. */
class Lifecycle {
  readonly #started: { readonly name: string; readonly stop: Stop }[] = []
  readonly #log: Logger
  #stopping: Promise<void> | undefined

  constructor(log: Logger) {
    this.#log = log
  }

  onStop(name: string, stop: Stop): void {
    this.#started.push({ name, stop })
  }

  get isStopping(): boolean {
    return this.#stopping !== undefined
  }

  /** Stops each part after the other. A second call gets the promise of the first. Never rejects. */
  stop(): Promise<void> {
    return (this.#stopping ??= this.#stopAll())
  }

  async #stopAll(): Promise<void> {
    for (const { name, stop } of this.#started.toReversed()) {
      await stop().catch((err: unknown) => this.#log.error({ err, part: name }, 'part did not stop cleanly'))
    }
  }
}

interface Access {
  readonly admission: Authorization
  /** For every door: addresses that are refused at one are refused at all. */
  readonly guard: FailureLimiter
  /** What the admission looks at, to be filled with what is announced. */
  readonly revocations: Revocations
  /** Forgets what was answered of a membership: of one user, or of the whole group. */
  readonly forgetMembership: (group: string, userId?: string) => void
}

/** Who may be here, and in which rooms, as the settings say. */
function createAccess(config: Config, addressOf: ClientAddress): Access {
  const memberships = createMemberships(config)
  const revocations = new Revocations()
  const admission = createAuthorization({
    authenticate: createAuthenticate(authenticationOptions(config)),
    memberships,
    revocations,
  })
  return {
    admission,
    guard: limitFailures(admission.authenticate, addressOf),
    revocations,
    forgetMembership: (group, userId) => memberships?.forget(group, userId),
  }
}

function createMemberships(config: Config): MembershipCache | undefined {
  const app = appEndpointOptions(config)
  const provider = tencentRestOptions(config)
  const ask = app ? createAppEndpoint(app) : provider && createTencentRest(provider)
  return ask && new MembershipCache({ source: ask, ttlS: config.MEMBERSHIP_TTL_S })
}
