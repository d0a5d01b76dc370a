import type { IncomingMessage } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import type { Router } from 'express'
import { createApi } from './api/api.ts'
import { encodeMembershipEnd } from './auth/announcements.ts'
import type { Broker } from './broker/broker.ts'
import type { Spool } from './broker/spooling/spool.ts'
import { warnUnlessStored } from './broker/stored-last.ts'
import { createAccess } from './composition/access.ts'
import type { Access } from './composition/access.ts'
import { Lifecycle } from './composition/lifecycle.ts'
import { createBroker, createQuarantine, openInDataDir, openStores } from './composition/storage.ts'
import * as options from './config/options.ts'
import type { Config } from './config/settings.ts'
import { createClientAddress, createIsFromProxy, createNetworkMatcher } from './http/client-address.ts'
import type { ClientAddress } from './http/client-address.ts'
import { boundByOpenFiles } from './http/open-files.ts'
import { createOriginCheck } from './http/origins.ts'
import type { OriginCheck } from './http/origins.ts'
import { createHttpServer } from './http/server.ts'
import type { RequestHandler } from './http/server.ts'
import { serveClientScript, serveConsole } from './http/static-files.ts'
import { lockDataDir, readFolderId } from './lib/data-dir.ts'
import { createRealtime } from './realtime/realtime.ts'
import type { Realtime } from './realtime/realtime.ts'
import type { MembershipEnd } from './receiver/commands/membership.ts'
import { createAnnouncer } from './receiver/announcer.ts'
import type { Quarantine } from './receiver/quarantine.ts'
import { createReceiver } from './receiver/receiver.ts'
import { createHealth } from './telemetry/health.ts'
import { createHeartbeatReader } from './telemetry/heartbeat-reader.ts'
import type { ReadHeartbeats } from './telemetry/heartbeat-reader.ts'
import { startHeartbeat } from './telemetry/heartbeat.ts'
import type { Logger } from './telemetry/logger.ts'
import { createOwnState } from './telemetry/own-state.ts'
import { createMetrics } from './telemetry/metrics.ts'
import type { Gauges, MetricsRegistry } from './telemetry/metrics.ts'
import { createRefusals } from './telemetry/refusals.ts'
import type { Refusals } from './telemetry/refusals.ts'

/** How long the start waits until sockets can be admitted. */
const CATCH_UP_TIMEOUT_MS = 500

export interface Gateway {
  /** The port on which it listens. */
  readonly port: number
  /** Drains and stops every part. A second call returns the promise of the first. Never rejects. */
  stop(): Promise<void>
}

/**
 * Builds and starts the parts that ROLE selects, the broker first. Rejects with START_FAILED if one cannot start, after
 * stopping those that have.
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

/** Resolves to the port on which the gateway listens. */
async function startParts(config: Config, lifecycle: Lifecycle, log: Logger): Promise<number> {
  const metrics = createMetrics()
  const addressOf = createClientAddress(config.TRUST_PROXY)
  const refusals = createRefusals(metrics, log, addressOf)
  const isProxy = createIsFromProxy(config.TRUST_PROXY)
  const isAllowedOrigin = createOriginCheck(config.CORS_ORIGINS, isProxy)
  const receives = config.ROLE !== 'node'
  const servesSockets = config.ROLE !== 'receiver'

  if (receives) lifecycle.onStop('data folder', (await lockDataDir(config.DATA_DIR)).release)
  const dataFolder = receives ? await readFolderId(config.DATA_DIR) : undefined
  const quarantine = receives ? await openInDataDir(config, createQuarantine(log)) : undefined
  if (quarantine) lifecycle.onStop('quarantine', quarantine.close)
  const stores =
    quarantine && config.REDIS_URL !== undefined ? await openStores(config, quarantine) : undefined
  const broker = warnUnlessStored(createBroker(config, stores, log))
  lifecycle.onStop('broker', broker.stop)
  await broker.start()

  const readHeartbeats = createHeartbeatReader(broker)
  const base: Base = {
    config,
    lifecycle,
    broker,
    readHeartbeats,
    addressOf,
    isAllowedOrigin,
    metrics,
    refusals,
    log,
  }
  const access = servesSockets ? createAccess(config, addressOf, log) : undefined
  const realtime = access && createRealtime(options.realtime(config), { ...base, ...access })
  const gauges = createGauges({ broker, spool: stores?.spool, quarantine, realtime })
  const isAccepting = (): boolean => !lifecycle.isStopping
  const isReady = (): boolean => isAccepting() && broker.isReady()
  const reasons = (): readonly string[] => [
    ...(isAccepting() ? [] : ['the process is stopping']),
    ...broker.reasons(),
  ]
  const own = createOwnState({
    role: config.ROLE,
    dataFolder,
    isAccepting,
    isReady,
    reasons,
    warnings: broker.warnings,
    delivery: gauges.delivery,
    gauges,
    metrics,
  })
  const mayReadMetrics = createNetworkMatcher(config.METRICS_ALLOW)
  const routers = [
    createHealth({
      isAccepting,
      isBrokerReady: broker.isReady,
      reasons,
      brokerWarnings: broker.warnings,
      spoolDepth: gauges.spoolDepth,
      quarantined: gauges.quarantined,
      servesSockets,
    }),
    metrics.createRouter(gauges, (request) => mayReadMetrics(addressOf(request))),
    ...(access && realtime ? createPages(base, access, realtime) : []),
  ]
  const handlers = [
    ...(quarantine ? [createWebhooks(base, quarantine)] : []),
    ...(realtime ? [realtime.webSockets.respond] : []),
  ]
  const http = createHttpServer(boundByOpenFiles(options.http(config), log), {
    handlers,
    routers,
    webSockets: realtime?.webSockets,
    isProxy,
    metrics,
    refusals,
    log,
  })
  // Usually a few milliseconds, in which all who come would be sent away. No longer, because webhooks are lost meanwhile.
  await Promise.race([realtime?.caughtUp, delay(CATCH_UP_TIMEOUT_MS)])
  // Until here nothing stops what follows the broker, which would report that the broker is gone.
  const port = await http.start().catch(async (error: unknown) => {
    await realtime?.stop()
    throw error
  })

  lifecycle.onStop('heartbeat', startHeartbeat({ broker, own, log }))
  lifecycle.onStop('http', http.stop)
  if (realtime) lifecycle.onStop('sockets', realtime.stop)
  // Registered last, so it runs first: the server still accepts webhooks while sockets move to other nodes and load
  // balancers notice that this process is not ready.
  lifecycle.onStop('drain', async () => {
    http.closeAfterResponse()
    await (realtime?.drain() ?? delay(config.DRAIN_MS))
  })
  return port
}

/** Dependencies of most parts. */
interface Base {
  readonly config: Config
  readonly lifecycle: Lifecycle
  readonly broker: Broker
  /** Those of all processes, for all parts that want to know. */
  readonly readHeartbeats: ReadHeartbeats
  readonly addressOf: ClientAddress
  readonly isAllowedOrigin: OriginCheck
  readonly metrics: MetricsRegistry
  readonly refusals: Refusals
  readonly log: Logger
}

function createWebhooks(base: Base, quarantine: Quarantine): RequestHandler {
  const { config, lifecycle, broker, addressOf, metrics, refusals, log } = base
  if (config.WEBHOOK_AUTH === 'off')
    log.warn('WEBHOOK_AUTH is off: anyone who knows the path can send recalls')
  const isAllowed = createNetworkMatcher(config.WEBHOOK_ALLOW)
  const mayCall = (request: IncomingMessage): boolean =>
    config.WEBHOOK_ALLOW.length === 0 || isAllowed(addressOf(request))
  const announce = ({ group, userIds }: MembershipEnd): Promise<unknown> =>
    Promise.all(encodeMembershipEnd(group, userIds).map((text) => broker.announce('memberships', text)))
  const announcer = createAnnouncer(options.announcer(config), { announce, log })
  lifecycle.onStop('announcer', announcer.stop)
  const receiver = createReceiver(
    { ...options.receiver(config), mayCall },
    { broker, quarantine, announceEnd: announcer.announceEnd, metrics, refusals, log },
  )
  lifecycle.onStop('receiver', async () => receiver.stop())
  return receiver.handle
}

interface GaugeSources {
  readonly broker: Broker
  readonly spool: Spool | undefined
  readonly quarantine: { size(): number } | undefined
  readonly realtime: Realtime | undefined
}

const createGauges = ({ broker, spool, quarantine, realtime }: GaugeSources): Gauges => ({
  sockets: () => realtime?.sockets() ?? 0,
  rooms: () => realtime?.rooms() ?? 0,
  maxBufferedBytes: () => realtime?.maxBufferedBytes() ?? 0,
  probeAgeMs: broker.probeAgeMs,
  delivery: () => realtime?.delivery(),
  spoolDepth: () => spool?.depth(Date.now()),
  quarantined: () => quarantine?.size(),
})

/** Creates the routers that a node serves next to its sockets. */
function createPages(
  { config, broker, readHeartbeats, isAllowedOrigin, refusals, log }: Base,
  { authorization, authenticateRequest }: Access,
  { openStream, socketsIn }: Realtime,
): Router[] {
  const api = createApi(options.api(config), {
    authorization,
    authenticateRequest,
    broker,
    readHeartbeats,
    openStream,
    socketsIn,
    isAllowedOrigin,
    refusals,
    log,
  })
  return [api, serveClientScript(), serveConsole()]
}
