import { mkdirSync } from 'node:fs'
import { GatewayError } from '../shared/errors.ts'
import { createAuthenticate } from './auth/authenticate.ts'
import type { Broker } from './broker/broker.ts'
import { createEmbeddedBroker } from './broker/embedded/embedded-broker.ts'
import { createRedisBroker } from './broker/redis/redis-broker.ts'
import { createHttpServer } from './http-server.ts'
import type { Config } from './ops/config.ts'
import { claimDataDir } from './ops/data-dir.ts'
import { createHealth } from './ops/health.ts'
import type { Logger } from './ops/logger.ts'
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

  try {
    const broker = createBroker(config, log)
    if (config.REDIS_URL === undefined) {
      const claim = await claimDataDir(config.DATA_DIR)
      started.push({ name: 'data folder', stop: claim.release })
    }
    await broker.start()
    started.push({ name: 'broker', stop: broker.stop })

    const routers = []
    if (config.ROLE !== 'node') {
      const quarantine = openStore(config.DATA_DIR)
      started.push({ name: 'quarantine', stop: quarantine.close })
      const options = { app: config.SDK_APP_ID, tokens: config.WEBHOOK_TOKEN, path: config.WEBHOOK_PATH }
      routers.push(createReceiver(options, { broker, quarantine, log }))
    }
    routers.push(createHealth({ isTaking: () => taking, isBrokerReady: broker.isReady }))
    if (config.ROLE !== 'receiver') routers.push(createPage())

    const http = createHttpServer({ host: config.HOST, port: config.PORT }, routers, log)
    const realtime = config.ROLE === 'receiver' ? undefined : createSockets(config, broker, log)
    realtime?.attach(http.server)
    const port = await http.start()
    started.push({ name: 'http', stop: http.stop })
    // Stopped before the server: webhooks are still taken while sockets are sent elsewhere.
    if (realtime) started.push({ name: 'sockets', stop: () => realtime.drain().then(realtime.stop) })

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

function createBroker(config: Config, log: Logger): Broker {
  const limits = { historySize: config.HISTORY_SIZE, historyTtlS: config.HISTORY_TTL_S }
  if (config.REDIS_URL === undefined)
    return createEmbeddedBroker({ ...limits, dataDir: config.DATA_DIR }, { log })
  return createRedisBroker(
    { ...limits, url: config.REDIS_URL, prefix: config.REDIS_PREFIX, app: config.SDK_APP_ID },
    { log },
  )
}

function createSockets(config: Config, broker: Broker, log: Logger): Realtime {
  const authenticate = createAuthenticate({ secret: config.JWT_SECRET })
  const options = {
    batchWindowMs: config.BATCH_WINDOW_MS,
    drainMs: config.DRAIN_MS,
    origins: config.CORS_ORIGINS,
  }
  return createRealtime(options, { broker, authenticate, log })
}

function openStore(dataDir: string): ReturnType<typeof openQuarantine> {
  try {
    mkdirSync(dataDir, { recursive: true })
    return openQuarantine(dataDir)
  } catch (cause) {
    throw new GatewayError('START_FAILED', `cannot write to DATA_DIR ${dataDir}`, { cause })
  }
}
