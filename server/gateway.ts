import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { GatewayError } from '../shared/errors.ts'
import { createAuthenticate } from './auth/authenticate.ts'
import type { Broker } from './broker/broker.ts'
import { createEmbeddedBroker } from './broker/embedded/embedded-broker.ts'
import { createRedisBroker } from './broker/redis/redis-broker.ts'
import { createSpoolingBroker } from './broker/spooling/spooling-broker.ts'
import { openSpool } from './broker/spooling/spool.ts'
import type { Spool } from './broker/spooling/spool.ts'
import { createHttpServer } from './http-server.ts'
import type { Config } from './ops/config.ts'
import { claimDataDir } from './ops/data-dir.ts'
import { createHealth } from './ops/health.ts'
import type { Logger } from './ops/logger.ts'
import { createMetrics } from './ops/metrics.ts'
import type { Metrics } from './ops/metrics.ts'
import { createPage } from './page.ts'
import { createRealtime } from './realtime/realtime.ts'
import type { Realtime } from './realtime/realtime.ts'
import { openQuarantine } from './receiver/quarantine-store.ts'
import { createReceiver } from './receiver/receiver.ts'

/** Something that is started, and stopped in the reverse order. */
interface Part {
  readonly name: string
  readonly stop: () => Promise<void>
}

/** What the stores of a data folder are opened with. */
interface StoreOptions {
  readonly dataDir: string
  /** Bound of the spool. */
  readonly maxBytes: number
}

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
  const started: Part[] = []
  let taking = true

  async function stopAll(): Promise<void> {
    taking = false
    for (const { name, stop } of started.toReversed()) {
      await stop().catch((err: unknown) => log.error({ err, part: name }, 'part did not stop cleanly'))
    }
  }

  const metrics = createMetrics()

  try {
    if (config.ROLE !== 'node') {
      const claim = await claimDataDir(config.DATA_DIR)
      started.push({ name: 'data folder', stop: claim.release })
    }
    const spool =
      config.ROLE === 'node' || config.REDIS_URL === undefined ? undefined : openStore(config, openSpool)
    const broker = createBroker(config, spool, log)
    started.push({ name: 'broker', stop: broker.stop })
    await broker.start()

    const routers = []
    if (config.ROLE !== 'node') {
      const quarantine = openStore(config, openQuarantine)
      started.push({ name: 'quarantine', stop: quarantine.close })
      const options = { app: config.SDK_APP_ID, tokens: config.WEBHOOK_TOKEN, path: config.WEBHOOK_PATH }
      routers.push(createReceiver(options, { broker, quarantine, metrics, log }))
    }
    const spoolDepth = () => spool?.depth(Date.now())
    const realtime = config.ROLE === 'receiver' ? undefined : createSockets(config, broker, metrics, log)
    routers.push(
      createHealth({
        isTaking: () => taking,
        isBrokerReady: broker.isReady,
        spoolDepth,
        servesSockets: realtime !== undefined,
      }),
      metrics.createRouter({
        sockets: () => realtime?.sockets() ?? 0,
        rooms: () => realtime?.rooms() ?? 0,
        probeAgeMs: broker.probeAgeMs,
        spoolDepth,
      }),
    )
    if (realtime) routers.push(createPage())

    const http = createHttpServer({ host: config.HOST, port: config.PORT }, routers, log)
    realtime?.attach(http.server)
    const port = await http.start()
    started.push({ name: 'http', stop: http.stop })
    if (realtime) started.push({ name: 'sockets', stop: realtime.stop })
    // Before the server: webhooks are still taken while sockets are sent elsewhere and load balancers look away.
    started.push({
      name: 'drain',
      async stop() {
        http.askToClose()
        await (realtime?.drain() ?? delay(config.DRAIN_MS))
      },
    })

    log.info(
      { port, role: config.ROLE, broker: config.REDIS_URL === undefined ? 'embedded' : 'redis' },
      'gateway started',
    )
    let stopping: Promise<void> | undefined
    return { port, stop: () => (stopping ??= stopAll()) }
  } catch (error) {
    await stopAll()
    throw error
  }
}

function createBroker(config: Config, spool: Spool | undefined, log: Logger): Broker {
  const { SDK_APP_ID: app, REDIS_URL: url, REDIS_PREFIX: prefix, DATA_DIR: dataDir } = config
  const limits = { historySize: config.HISTORY_SIZE, historyTtlS: config.HISTORY_TTL_S }
  if (url === undefined) return createEmbeddedBroker({ ...limits, dataDir }, { log })
  const redis = {
    mode: config.REDIS_MODE,
    sentinelName: config.REDIS_SENTINEL_NAME,
    waitReplicas: config.REDIS_WAIT_REPLICAS,
  }
  const broker = createRedisBroker({ ...limits, ...redis, url, prefix, app }, { log })
  if (spool === undefined) return broker
  const brokerName = createHash('sha256').update(`${url} ${prefix} ${app}`).digest('hex')
  return createSpoolingBroker({ brokerName }, { broker, spool, log })
}

function createSockets(config: Config, broker: Broker, metrics: Metrics, log: Logger): Realtime {
  const authenticate = createAuthenticate({ secret: config.JWT_SECRET })
  const options = {
    batchWindowMs: config.BATCH_WINDOW_MS,
    drainMs: config.DRAIN_MS,
    origins: config.CORS_ORIGINS,
  }
  return createRealtime(options, { broker, authenticate, metrics, log })
}

function openStore<Store>(config: Config, open: (options: StoreOptions) => Store): Store {
  try {
    return open({ dataDir: config.DATA_DIR, maxBytes: config.SPOOL_MAX_BYTES })
  } catch (cause) {
    throw new GatewayError('START_FAILED', `cannot open a store in DATA_DIR ${config.DATA_DIR}`, { cause })
  }
}
