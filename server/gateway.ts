import { setTimeout as delay } from 'node:timers/promises'
import { paceReads } from './broker/paced-reads.ts'
import { warnUnlessStored } from './broker/stored-last.ts'
import { createAccess } from './composition/access.ts'
import type { Base } from './composition/base.ts'
import { openDisk } from './composition/disk.ts'
import { createHealthParts, rememberFolders } from './composition/health.ts'
import { warnOfLeftRelay } from './composition/left-relay.ts'
import { Lifecycle } from './composition/lifecycle.ts'
import { openRelay } from './composition/relay.ts'
import { createMemoryBudget } from './composition/memory.ts'
import { createPages, createReceiverPages } from './composition/pages.ts'
import { createSelfReports } from './composition/self.ts'
import { createSockets } from './composition/sockets.ts'
import { createBroker } from './composition/storage.ts'
import { createTestDoor } from './composition/test-door.ts'
import { openTracing } from './composition/tracing.ts'
import { createWebhooks } from './composition/webhooks.ts'
import * as options from './config/options.ts'
import type { KnownSetting } from './config/effective-settings.ts'
import type { Config, Environment } from './config/settings.ts'
import { createClientAddress, createIsFromProxy } from './http/client-address.ts'
import { ForwardedWatch } from './http/forwarded.ts'
import { boundByOpenFiles } from './http/open-files.ts'
import { createOriginCheck } from './http/origins.ts'
import { createHttpServer } from './http/server.ts'
import { RELEASE } from './lib/release.ts'
import { RequestTurns } from './lib/request-turns.ts'
import { createAllQuarantines } from './receiver/quarantine/all-quarantines.ts'
import { RequestTimes } from './receiver/request-times.ts'
import { createHeartbeatReader } from './telemetry/heartbeat-reader.ts'
import { startHeartbeat } from './telemetry/heartbeat.ts'
import type { Logger } from './telemetry/logger.ts'
import { createMetrics } from './telemetry/metrics.ts'
import { createRefusals } from './telemetry/refusals.ts'

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
 * stopping those that have. `environment`: the variables that `config` was read from, for the doctor. `settings`: those that are told.
 */
export async function startGateway(
  config: Config,
  log: Logger,
  {
    environment,
    settings = [],
  }: { readonly environment?: Environment; readonly settings?: readonly KnownSetting[] } = {},
): Promise<Gateway> {
  const lifecycle = new Lifecycle(log)
  const what = { role: config.ROLE, broker: config.REDIS_URL === undefined ? 'embedded' : 'redis' }
  // What is on disk is read next, for up to a minute, in which nothing else is told.
  log.info({ version: RELEASE, ...what }, 'gateway starting')
  try {
    const { port, id } = await startParts(config, { lifecycle, environment, settings, log })
    log.info({ port, ...what, process: id }, 'gateway started')
    return { port, stop: () => lifecycle.stop() }
  } catch (error) {
    await lifecycle.stop()
    throw error
  }
}

interface StartDependencies {
  readonly lifecycle: Lifecycle
  readonly environment: Environment | undefined
  readonly settings: readonly KnownSetting[]
  readonly log: Logger
}

/** Resolves to the port on which the gateway listens, and the id by which others name this process. */
async function startParts(
  config: Config,
  { lifecycle, environment, settings, log }: StartDependencies,
): Promise<{ readonly port: number; readonly id: string }> {
  const metrics = createMetrics()
  const isProxy = createIsFromProxy(config.TRUST_PROXY)
  const forwarded = new ForwardedWatch()
  const addressOf = forwarded.watch(createClientAddress(config.TRUST_PROXY), isProxy)
  const refusals = createRefusals(metrics, log, addressOf)
  const isAllowedOrigin = createOriginCheck(config.CORS_ORIGINS, isProxy)
  const tracing = openTracing(config, { lifecycle, self: () => health.process, metrics, log })
  const servesSockets = config.ROLE !== 'receiver'

  const disk = await openDisk(config, { lifecycle, metrics, log })
  const stored = warnUnlessStored(await createBroker(config, disk, { metrics, log }))
  const broker = warnOfLeftRelay(stored, config, log)
  lifecycle.onStop('broker', broker.stop)
  await broker.start()

  const memory = createMemoryBudget(config, log)
  lifecycle.onStop('memory budget', async () => memory.stop())
  const turns = new RequestTurns()
  const reads = paceReads(broker, turns)
  const readHeartbeats = createHeartbeatReader(broker)
  const base: Base = {
    config,
    lifecycle,
    broker,
    readHeartbeats,
    memory,
    turns,
    addressOf,
    isAllowedOrigin,
    metrics,
    refusals,
    tracing,
    log,
  }
  const access =
    servesSockets || options.checksTokens(config) ? createAccess(config, addressOf, log) : undefined
  const realtime =
    access && servesSockets
      ? createSockets(base, { access, reads, stores: disk?.stores, self: () => health.process })
      : undefined
  const relay =
    disk && (await openRelay(config, { quarantine: disk.quarantine, lifecycle, metrics, tracing, log }))
  const health = createHealthParts(base, { disk, relay, realtime })
  let port = 0
  const door = createTestDoor(config, () => port)
  const requestTimes = new RequestTimes()
  const { reports, askProcesses, logFindings } = createSelfReports(base, health, {
    settings,
    environment,
    requestTimes,
    forwarded,
    isFromProxy: isProxy,
  })
  const quarantines = createAllQuarantines({ ownFolder: disk?.dataFolder, broker, readHeartbeats })
  const routers = [
    ...health.routers,
    ...(access && realtime
      ? createPages(
          { ...base, broker: reads, ...reports, askProcesses, door, quarantines, folders: health.folders },
          access,
          realtime,
        )
      : createReceiverPages({ ...base, ...reports }, access)),
  ]
  const handlers = [
    ...(disk ? [createWebhooks(base, { ...disk, relay, requestTimes })] : []),
    ...(realtime ? [realtime.webSockets.respond] : []),
  ]
  const http = createHttpServer(boundByOpenFiles(options.http(config), log), {
    handlers,
    routers,
    webSockets: realtime?.webSockets,
    isProxy,
    memory,
    metrics,
    refusals,
    log,
  })
  // Usually a few milliseconds, in which all who come would be sent away. No longer, because webhooks are lost meanwhile.
  await Promise.race([realtime?.caughtUp, delay(CATCH_UP_TIMEOUT_MS)])
  // Until here nothing stops what follows the broker, which would report that the broker is gone.
  port = await http.start().catch(async (error: unknown) => {
    await realtime?.stop()
    throw error
  })

  rememberFolders(health, lifecycle)
  lifecycle.onStop(
    'heartbeat',
    startHeartbeat({ broker, own: health.own, onSent: realtime?.onHeartbeatSent, log }),
  )
  lifecycle.onStop('http', http.stop)
  if (realtime) lifecycle.onStop('sockets', realtime.stop)
  // Registered last, so it runs first: the server still accepts webhooks while sockets move to other nodes and load
  // balancers notice that this process is not ready.
  lifecycle.onStop('drain', async () => {
    http.closeAfterResponse()
    await (realtime?.drain() ?? delay(config.DRAIN_MS))
  })
  // In a simulation there are none: what the real machine is like would not repeat.
  if (environment !== undefined) void logFindings()
  return { port, id: health.own.id }
}
