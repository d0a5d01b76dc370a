import { randomUUID } from 'node:crypto'
import { roomName } from '../../../shared/room.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Broker, BrokerOptions } from '../broker.ts'
import { withTimeout } from '../timeout.ts'
import {
  checkChannels,
  COMMAND_TIMEOUT_MS,
  connectFirst,
  createConnection,
  disconnect,
} from './connection/connection.ts'
import { warnOfEviction } from './connection/connection.ts'
import { createAnnouncements } from './announcements.ts'
import { createHeartbeats } from './heartbeats.ts'
import { createKeys } from './keys.ts'
import { createDiscovery } from './connection/discovery.ts'
import { createDeliveryProbe } from './delivery-probe.ts'
import { scriptTtls } from './publisher.ts'
import { createPublisher } from './publisher.ts'
import { createReplicaConfirmation } from './replica-confirmation.ts'
import { createLogReader } from './log-reader.ts'
import { createReadEntry } from './signature.ts'
import { createSigner } from './signature.ts'
import { createSubscriber } from './subscriber.ts'
import { parseRedisUrl } from './connection/address.ts'
import type { RedisMode } from './connection/address.ts'

export interface RedisOptions extends BrokerOptions {
  /** One, or several separated by commas: sentinels, or nodes of the cluster. */
  readonly url: string
  readonly mode?: RedisMode
  /** What the sentinels call the master. */
  readonly sentinelName?: string
  /** How many replicas must have a recall before it counts as kept. */
  readonly waitReplicas?: number
  readonly prefix: string
  readonly app: string
  /** What goes through Redis is signed with the first, and verified with all; none = unsigned. */
  readonly signingKeys?: readonly string[]
}

/** How long replicas get to confirm. Whatever else is asked of the connection waits meanwhile. */
const REPLICA_TIMEOUT_MS = 500

/** The broker of many processes on one Redis (7.0 or newer): scripts over one connection, sharded channels over another. */
export function createRedisBroker(options: RedisOptions, { log }: { log: Logger }): Broker {
  const keys = createKeys(options.prefix, options.app)
  const target = parseRedisUrl(options.url, options.mode ?? 'single')
  const probeChannel = keys.probe(randomUUID())
  const locate = createDiscovery({
    target,
    sentinelName: options.sentinelName ?? 'mymaster',
    key: probeChannel,
  })
  const commandConnection = createConnection({ target, locate, role: 'commands' }, log)
  const subscriberConnection = createConnection({ target, locate, role: 'subscriber' }, log)
  const commands = commandConnection.client
  const sealing = { keys: options.signingKeys ?? [], app: options.app }
  const entrySeal = createSigner('entry', sealing)
  const announcementSeal = createSigner('announcement', sealing)
  const reportSeal = createSigner('report', sealing)
  const readEntry = createReadEntry(entrySeal)
  const waitReplicas = options.waitReplicas ?? 0
  const confirmed = createReplicaConfirmation(waitReplicas, {
    wait: () => commands.wait(waitReplicas, REPLICA_TIMEOUT_MS),
    life: commandConnection.generation,
  })
  const logs = createLogReader({ commands, keys, readEntry })
  const subscriber = createSubscriber(subscriberConnection, {
    keys,
    probeChannel,
    onProbe: (probe) => prober.onProbe(probe),
    readEntry,
    log,
  })
  const prober = createDeliveryProbe({
    send: (probe) => withTimeout(COMMAND_TIMEOUT_MS, commands.spublish(probeChannel, probe)),
    isListening: subscriber.isReady,
    onFailure: lookWhetherMoved,
    rebuildCommands: commandConnection.reconnect,
    rebuildSubscriber: subscriberConnection.reconnect,
    log,
  })

  let looking = false
  /** A server that has become silent, or lost its replicas, may not be the one any more. */
  function lookWhetherMoved(): void {
    if (looking) return
    looking = true
    const connections = [commandConnection, subscriberConnection]
    void Promise.all(connections.map(({ reconnectIfMoved: leaveIfMoved }) => leaveIfMoved())).finally(
      () => (looking = false),
    )
  }

  const publish = createPublisher(
    { lives: scriptTtls(options), historySize: options.historySize, waitReplicas },
    {
      commands,
      keys,
      confirmed,
      signatureOf: entrySeal.signatureOf,
      renew: logs.newEpoch,
      onUnconfirmed: lookWhetherMoved,
      log,
    },
  )

  return {
    async start() {
      // Both at once, so that both go on trying when the first attempt fails.
      const listening = subscriber.start(target)
      listening.catch(() => undefined)
      try {
        await connectFirst(commands, target)
        await checkChannels(commands, probeChannel)
        await listening
      } finally {
        await prober.start()
      }
      await warnOfEviction(commands, log)
    },

    async stop() {
      prober.stop()
      await Promise.all([subscriber.stop(), disconnect(commands)])
    },

    isReady: () => commands.status === 'ready' && subscriber.isReady() && prober.isDelivering(),

    probeAgeMs: prober.ageMs,

    publish,

    subscribe: (room, listener) => subscriber.subscribe(roomName(room), listener),

    ...logs,

    ...createAnnouncements({ commands, keys, signer: announcementSeal, subscriber, log }),

    ...createHeartbeats({ commands, keys, signer: reportSeal }),
  }
}
