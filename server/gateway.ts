import { setTimeout as delay } from 'node:timers/promises'
import type { Router } from 'express'
import type { RespondingProcess } from '../shared/http-api/identity.ts'
import { createApi } from './api/api.ts'
import { createAudit } from './api/audit.ts'
import { refuseStatus, serveStatus } from './api/status.ts'
import type { StatusDependencies } from './api/status.ts'
import { paceReads } from './broker/paced-reads.ts'
import { warnUnlessStored } from './broker/stored-last.ts'
import { createAccess, followRevocations } from './composition/access.ts'
import type { Access } from './composition/access.ts'
import type { Base } from './composition/base.ts'
import { createDoctor } from './composition/doctor.ts'
import { createHealthParts, rememberFolders, startHistory } from './composition/health.ts'
import { warnOfLeftRelay } from './composition/left-relay.ts'
import { Lifecycle } from './composition/lifecycle.ts'
import { openRelay } from './composition/relay.ts'
import { createBroker, openStores, waitingOnDisk } from './composition/storage.ts'
import { createMemoryBudget } from './composition/memory.ts'
import { createQuarantine } from './composition/quarantine.ts'
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
import { serveClientScript, serveConsole, serveDocuments } from './http/static-files.ts'
import { lockDataDir, readFolderId } from './lib/data-dir.ts'
import { RequestTurns } from './lib/request-turns.ts'
import { createAllQuarantines } from './receiver/quarantine/all-quarantines.ts'
import { RequestTimes } from './receiver/request-times.ts'
import { createToldNotes } from './realtime/rooms/told-notes.ts'
import { createRealtime } from './realtime/realtime.ts'
import type { Realtime } from './realtime/realtime.ts'
import { createProcessAsking } from './telemetry/ask-processes.ts'
import { answerConfiguration, createConfigurations } from './telemetry/configurations.ts'
import { createMarks } from './telemetry/setting-marks.ts'
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
  try {
    const port = await startParts(config, { lifecycle, environment, settings, log })
    const broker = config.REDIS_URL === undefined ? 'embedded' : 'redis'
    log.info({ port, role: config.ROLE, broker }, 'gateway started')
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

/** Resolves to the port on which the gateway listens. */
async function startParts(
  config: Config,
  { lifecycle, environment, settings, log }: StartDependencies,
): Promise<number> {
  const metrics = createMetrics()
  const isProxy = createIsFromProxy(config.TRUST_PROXY)
  const forwarded = new ForwardedWatch()
  const addressOf = forwarded.watch(createClientAddress(config.TRUST_PROXY), isProxy)
  const refusals = createRefusals(metrics, log, addressOf)
  const isAllowedOrigin = createOriginCheck(config.CORS_ORIGINS, isProxy)
  const tracing = openTracing(config, { lifecycle, self: () => health.process, metrics, log })
  const receives = config.ROLE !== 'node'
  const servesSockets = config.ROLE !== 'receiver'

  if (receives) {
    const { doubt, release } = await lockDataDir(config.DATA_DIR)
    lifecycle.onStop('data folder', release)
    if (doubt !== undefined) log.warn({ doubt }, 'nothing keeps another container out of the data folder')
  }
  const onRotten = (file: string): void => log.warn({ file }, 'rotten on disk, written again')
  const folder = { dataDir: config.DATA_DIR, app: config.SDK_APP_ID }
  const dataFolder = receives ? await readFolderId(folder, { onRotten }) : undefined
  const quarantine = receives ? await createQuarantine(config, { lifecycle, metrics, log }) : undefined
  const stores =
    dataFolder !== undefined && quarantine && config.REDIS_URL !== undefined
      ? await openStores(config, { dataFolder, quarantine }, { metrics, log })
      : undefined
  const stored = warnUnlessStored(await createBroker(config, { quarantine, stores }, { metrics, log }))
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
  const toldNotes =
    servesSockets && config.EVIDENCE_KEY.length > 0
      ? createToldNotes({ broker, node: () => nameOf(health.process), log })
      : undefined
  if (toldNotes) lifecycle.onStop('notes of what was told', toldNotes.stop)
  const realtime =
    access && servesSockets
      ? createRealtime(options.realtime(config), {
          ...base,
          ...access,
          reads,
          onTold: toldNotes?.onTold,
          waitingOnDisk: () => waitingOnDisk({ spool: stores?.spool, copies: stores?.copies }),
        })
      : undefined
  const relay = quarantine && (await openRelay(config, { quarantine, lifecycle, metrics, tracing, log }))
  const health = createHealthParts(base, {
    dataFolder,
    spool: stores?.spool,
    copies: stores?.copies,
    quarantine,
    relay,
    realtime,
  })
  let port = 0
  const door = createTestDoor(config, () => port)
  const { readOverview } = health
  const deployment = { ...options.deployment(config), process: health.process }
  const requestTimes = new RequestTimes()
  const askProcesses = createProcessAsking({
    self: health.own.id,
    ask: (name, question) => broker.ask(name, question),
    readOverview,
  })
  const doctor = createDoctor(base, {
    self: health.own.id,
    askProcesses,
    environment,
    webhooks: receives ? metrics.webhooks : undefined,
    requestTimes,
    forwarded: () => forwarded.state(),
    isFromProxy: isProxy,
  })
  const own = { ...health.process, node: process.version, settings, marks: createMarks(config) }
  const stopAnswering = answerConfiguration(own, broker)
  lifecycle.onStop('configuration', async () => stopAnswering())
  const history = startHistory(health, base)
  lifecycle.onStop('health history', () => history.stop())
  /** What every process tells of itself. */
  const told = {
    readOverview,
    readDoctor: doctor.read,
    readConfigurations: createConfigurations(own, askProcesses),
    readHistory: () => history.read(),
    deployment,
  }
  const quarantines = createAllQuarantines({ ownFolder: dataFolder, broker, readHeartbeats })
  const routers = [
    ...health.routers,
    ...(access && realtime
      ? createPages(
          { ...base, broker: reads, ...told, door, quarantines, folders: health.folders },
          access,
          realtime,
        )
      : []),
    ...(realtime ? [] : [createReceiverStatus({ ...base, ...told }, access), serveDocuments()]),
  ]
  const handlers = [
    ...(quarantine && dataFolder !== undefined
      ? [createWebhooks(base, { dataFolder, quarantine, relay, requestTimes })]
      : []),
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
  if (environment !== undefined) void doctor.logFindings()
  return port
}

type Told = Pick<
  StatusDependencies,
  'readOverview' | 'readDoctor' | 'readConfigurations' | 'readHistory' | 'deployment'
>

/** How evidence calls a process. */
const nameOf = ({ id, host }: RespondingProcess): string => `${id} on ${host}`

/** Creates the routers that a node serves next to its sockets. */
function createPages(
  base: Base & Told & Pick<Parameters<typeof createApi>[1], 'door' | 'quarantines' | 'folders'>,
  access: Access,
  { openStream, socketsIn }: Realtime,
): Router[] {
  const audit = createAudit(base)
  base.lifecycle.onStop('audit', audit.stop)
  const evidenceKeys = base.config.EVIDENCE_KEY
  const api = createApi(options.api(base.config), {
    ...base,
    ...access,
    evidenceKeys,
    openStream,
    socketsIn,
    audit,
  })
  return [api, serveClientScript(), serveDocuments(), serveConsole()]
}

/** Creates what a receiver serves of the HTTP API. */
function createReceiverStatus(base: Base & Told, access: Access | undefined): Router {
  if (access === undefined) return refuseStatus()
  const stop = followRevocations(base.broker, access)
  base.lifecycle.onStop('revocations', async () => stop())
  return serveStatus({ testRecalls: false }, { ...base, ...access })
}
