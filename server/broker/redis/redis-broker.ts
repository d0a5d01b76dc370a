import { randomUUID } from 'node:crypto'
import { roomName } from '../../../shared/room.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Broker, BrokerOptions } from '../broker.ts'
import { withTimeout } from '../timeout.ts'
import { createAnnouncements } from './announcements.ts'
import { parseRedisUrl } from './connection/address.ts'
import type { RedisMode } from './connection/address.ts'
import {
  checkChannels,
  COMMAND_TIMEOUT_MS,
  connectFirst,
  createConnection,
  disconnect,
  warnOfEviction,
} from './connection/connection.ts'
import { createDiscovery } from './connection/discovery.ts'
import { createDeliveryProbe } from './delivery-probe.ts'
import { createHeartbeats } from './heartbeats.ts'
import { createKeys } from './keys.ts'
import { createLogReader } from './log-reader.ts'
import { createPublisher } from './publisher.ts'
import { createRecalledSets } from './recalled-sets.ts'
import { createReplicaConfirmation } from './replica-confirmation.ts'
import { createReadEntry, createSigner } from './signature.ts'
import { createSubscriber } from './subscriber.ts'

export interface RedisOptions extends BrokerOptions {
  /** One URL, or several separated by commas: sentinels, or nodes of the cluster. */
  readonly url: string
  /** Default: `single`. */
  readonly mode?: RedisMode
  /** The sentinels' name for the master. Default: `mymaster`. */
  readonly sentinelName?: string
  /** How many replicas must have a recall before it counts as stored. Default: 0. */
  readonly waitReplicas?: number
  readonly prefix: string
  readonly app: string
  /** Everything stored in Redis is signed with the first key and verified with all. Without keys it is unsigned. */
  readonly signingKeys?: readonly string[]
}

/** How long replicas may take to confirm. Other commands on the connection wait meanwhile. */
const REPLICA_TIMEOUT_MS = 500

/** The broker of many processes on one Redis (7.0 or newer): scripts on one connection, sharded channels on another. */
export function createRedisBroker(options: RedisOptions, { log }: { log: Logger }): Broker {
  const { waitReplicas = 0, app } = options
  const keys = createKeys(options.prefix, app)
  const probeChannel = keys.probe(randomUUID())

  const endpoint = parseRedisUrl(options.url, options.mode ?? 'single')
  const locate = createDiscovery({
    endpoint,
    sentinelName: options.sentinelName ?? 'mymaster',
    key: probeChannel,
  })
  const commandConnection = createConnection({ endpoint, role: 'commands' }, { locate, log })
  const subscriberConnection = createConnection({ endpoint, role: 'subscriber' }, { locate, log })
  const commands = commandConnection.client

  // These kinds are part of each signature and must not change, or processes of two versions would reject each other.
  const signing = { keys: options.signingKeys ?? [], app }
  const entrySigner = createSigner('entry', signing)
  const announcementSigner = createSigner('announcement', signing)
  const heartbeatSigner = createSigner('report', signing)

  const readEntry = createReadEntry(entrySigner)
  const subscriber = createSubscriber(subscriberConnection, {
    keys,
    probeChannel,
    onProbe: (probe) => deliveryProbe.onProbe(probe),
    readEntry,
    log,
  })
  const deliveryProbe = createDeliveryProbe({
    send: (probe) => withTimeout(COMMAND_TIMEOUT_MS, commands.spublish(probeChannel, probe)),
    isSubscribed: subscriber.isReady,
    onFailure: reconnectIfMoved,
    reconnectCommands: commandConnection.reconnect,
    reconnectSubscriber: subscriberConnection.reconnect,
    log,
  })
  const logReader = createLogReader({ commands, keys, readEntry })
  const publisher = createPublisher(
    { ...options, waitReplicas },
    {
      commands,
      keys,
      confirmed: createReplicaConfirmation(waitReplicas, {
        wait: () => commands.wait(waitReplicas, REPLICA_TIMEOUT_MS),
        generation: commandConnection.generation,
      }),
      signatureOf: entrySigner.signatureOf,
      newEpoch: logReader.newEpoch,
      onUnconfirmed: reconnectIfMoved,
      log,
    },
  )

  let isChecking = false
  /** Looks for another server: one that went silent, or lost its replicas, may no longer be the one that holds the keys. */
  function reconnectIfMoved(): void {
    if (isChecking) return
    isChecking = true
    const connections = [commandConnection, subscriberConnection]
    const checks = connections.map((connection) => connection.reconnectIfMoved())
    void Promise.all(checks).finally(() => (isChecking = false))
  }

  return {
    async start() {
      // Concurrently, so that both keep trying when the first attempt fails.
      const subscribing = subscriber.start(endpoint)
      subscribing.catch(() => undefined)
      try {
        await connectFirst(commands, endpoint)
        await checkChannels(commands, probeChannel)
        await subscribing
      } finally {
        await deliveryProbe.start()
      }
      await warnOfEviction(commands, log)
    },

    async stop() {
      deliveryProbe.stop()
      publisher.stop()
      await Promise.all([subscriber.stop(), disconnect(commands)])
    },

    isReady: () => commands.status === 'ready' && subscriber.isReady() && deliveryProbe.isDelivering(),

    probeAgeMs: deliveryProbe.ageMs,

    publish: publisher.publish,

    subscribe: (room, listener) => subscriber.subscribe(roomName(room), listener),

    ...logReader,

    ...createRecalledSets(options, { commands, keys, log }),

    ...createAnnouncements({ commands, keys, signer: announcementSigner, subscriber, log }),

    ...createHeartbeats({ commands, keys, signer: heartbeatSigner }),
  }
}
