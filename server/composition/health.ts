import type { IncomingMessage } from 'node:http'
import { memoryUsage } from 'node:process'
import type { Router } from 'express'
import type { RespondingProcess } from '../../shared/http-api/identity.ts'
import type { Broker } from '../broker/broker.ts'
import * as options from '../config/options.ts'
import { createNetworkMatcher } from '../http/client-address.ts'
import type { MemoryBudget } from '../lib/memory-budget.ts'
import { hostName, RELEASE } from '../lib/release.ts'
import type { Realtime } from '../realtime/realtime.ts'
import type { Gauges } from '../telemetry/gauges.ts'
import { DataFolders } from '../telemetry/data-folders.ts'
import { HealthHistory } from '../telemetry/health-history.ts'
import { createHealth } from '../telemetry/health.ts'
import { createOverview } from '../telemetry/overview.ts'
import type { ReadOverview } from '../telemetry/overview.ts'
import { createOwnState } from '../telemetry/own-state.ts'
import type { OwnState } from '../telemetry/own-state.ts'
import type { Base } from './base.ts'
import type { Disk } from './disk.ts'
import type { Lifecycle } from './lifecycle.ts'
import type { RelayParts } from './relay.ts'
import { waitingOnDisk } from './storage.ts'

/** Metrics matter most while the broker does not reply: they do not wait until it is given up. */
const METRICS_TIMEOUT_MS = 250
/** Heartbeats of those that have gone are stored for ten minutes. */
const LOOK_INTERVAL_MS = 60_000

/** The parts that a process may have, and its health is about. */
interface Parts {
  readonly disk: Disk | undefined
  readonly relay: RelayParts | undefined
  readonly realtime: Realtime | undefined
}

export interface HealthParts {
  readonly own: OwnState
  /** What it calls itself. */
  readonly process: RespondingProcess
  readonly readOverview: ReadOverview
  /** Undefined without Redis: no other process can exist. */
  readonly folders: DataFolders | undefined
  /** `/livez`, `/readyz` and `/metrics`. */
  readonly routers: readonly Router[]
}

/** What the process knows of itself and of the others, and where it tells. */
export function createHealthParts(base: Base, parts: Parts): HealthParts {
  const { config, lifecycle, broker, readHeartbeats, addressOf, memory, metrics } = base
  const { disk, realtime } = parts
  const dataFolder = disk?.dataFolder
  const onDisk = () => waitingOnDisk(disk?.stores)
  const gauges = createGauges(broker, memory, parts)
  const isAccepting = (): boolean => !lifecycle.isStopping
  const reasons = (): readonly string[] => [
    ...(isAccepting() ? [] : ['the process is stopping']),
    ...broker.reasons(),
  ]
  const name = { role: config.ROLE, host: hostName(), version: RELEASE }
  const isReady = (): boolean => isAccepting() && broker.isReady()
  const own = createOwnState({
    ...name,
    dataFolder,
    isAccepting,
    isReady,
    reasons,
    warnings: broker.warnings,
    gauges: { ...gauges, spoolDepth: onDisk },
    metrics,
  })
  const folders =
    config.REDIS_URL === undefined
      ? undefined
      : new DataFolders({
          broker,
          own: { id: own.id, ...name, dataFolder },
          recallsOnDisk: () => onDisk()?.recalls ?? 0,
        })
  const overview = createOverview({ own, readHeartbeats, reasons: broker.reasons, folders })
  const health = createHealth({
    isAccepting,
    isBrokerReady: broker.isReady,
    reasons,
    ownProblems: overview.ownProblems,
    brokerWarnings: broker.warnings,
    spoolDepth: gauges.spoolDepth,
    quarantined: gauges.quarantined,
    servesSockets: realtime !== undefined,
  })
  const isAllowed = createNetworkMatcher(config.METRICS_ALLOW)
  const isProxy = createNetworkMatcher(config.TRUST_PROXY)
  const mayReadMetrics = (request: IncomingMessage): boolean => {
    const address = addressOf(request)
    // A balancer that keeps no addresses writes its own, which is private, for everybody on the Internet.
    const isOfProxy = request.headers['x-forwarded-for'] !== undefined && isProxy(address)
    return isAllowed(address) && !isOfProxy
  }
  const readProblems = async () => (await overview.read(METRICS_TIMEOUT_MS)).problems
  const process = { id: own.id, ...name }
  const limits = options.metricLimits(config, { hasSpool: disk?.stores !== undefined })
  const metricsRouter = metrics.createRouter(
    { gauges, process: { ...process, isReady, limits }, readProblems },
    mayReadMetrics,
  )
  return {
    own,
    process,
    readOverview: overview.read,
    folders,
    routers: [health, metricsRouter],
  }
}

/** Notes which data folders are in use, and looks at the others now and then: what they left must be noted while it is known. */
export function rememberFolders(
  { folders, readOverview }: Pick<HealthParts, 'folders' | 'readOverview'>,
  lifecycle: Lifecycle,
): void {
  if (folders === undefined) return
  folders.start()
  const timer = setInterval(() => void readOverview(), LOOK_INTERVAL_MS)
  timer.unref()
  lifecycle.onStop('data folders', async () => {
    clearInterval(timer)
    await folders.stop()
  })
}

const BYTES_PER_MB = 2 ** 20

/** Keeps the last hour of this process where all can read it. */
export const startHistory = (
  { own, process }: Pick<HealthParts, 'own' | 'process'>,
  { broker, metrics }: Pick<Base, 'broker' | 'metrics'>,
): HealthHistory =>
  new HealthHistory({
    process,
    broker,
    read: own.read,
    gaps: metrics.gaps,
    load: () => ({
      busyMs: performance.eventLoopUtilization().active,
      memoryMb: memoryUsage.rss() / BYTES_PER_MB,
    }),
  })

const createGauges = (broker: Broker, memory: MemoryBudget, { disk, relay, realtime }: Parts): Gauges => ({
  sockets: () => realtime?.sockets() ?? 0,
  streams: () => realtime?.streams() ?? 0,
  rooms: () => realtime?.rooms() ?? 0,
  maxBufferedBytes: () => realtime?.maxBufferedBytes() ?? 0,
  memory: () => memory.state(),
  probeAgeMs: broker.probeAgeMs,
  delivery: () => realtime?.delivery(),
  spoolDepth: () => disk?.stores?.spool.depth(Date.now()),
  copies: () => disk?.stores?.copies.size(),
  quarantined: () => disk?.quarantine.size(),
  relay: () => relay?.state(),
  powerCut: broker.powerCut,
})
