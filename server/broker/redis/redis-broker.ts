import { randomUUID } from 'node:crypto'
import { roomName } from '../../../shared/room.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Broker, BrokerOptions } from '../broker.ts'
import { withTimeout } from '../timeout.ts'
import { createAbilityCheck } from './ability-check.ts'
import { createAnnouncements } from './announcements.ts'
import { parseRedisUrl } from './connection/address.ts'
import type { RedisMode } from './connection/address.ts'
import { COMMAND_TIMEOUT_MS, createConnection } from './connection/connection.ts'
import { createDiscovery } from './connection/discovery.ts'
import { replyIn, textOfFailure } from './connection/failure.ts'
import { createDeliveryProbe } from './delivery-probe.ts'
import { createHeartbeats } from './heartbeats.ts'
import { createKeys } from './keys.ts'
import { createLogReader } from './log-reader.ts'
import { createPublisher } from './publisher.ts'
import { createRecalledSets } from './recalled-sets.ts'
import { createReplicaConfirmation } from './replica-confirmation.ts'
import { createServerWarnings } from './server-warnings.ts'
import { createReadEntry, createSigner } from './signature.ts'
import { createSubscriber } from './subscriber.ts'
import { createTrials } from './trials.ts'
import type { Ability } from './trials.ts'

export interface RedisOptions extends BrokerOptions {
  /** One URL, or several separated by commas: sentinels, or nodes of the cluster. */
  readonly url: string
  /** Default: `single`. */
  readonly mode?: RedisMode
  /** The sentinels' name for the master. Default: `mymaster`. */
  readonly sentinelName?: string
  /** Credentials of the sentinels. Default: the password in `url`. */
  readonly sentinelUsername?: string | undefined
  readonly sentinelPassword?: string | undefined
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
  const processId = randomUUID()
  const probeChannel = keys.probe(processId)

  const mode = options.mode ?? 'single'
  const { sentinelUsername: username, sentinelPassword: password } = options
  const endpoint = {
    ...parseRedisUrl(options.url, mode),
    ...(password !== undefined && { sentinel: { username, password } }),
  }
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
    onProbe: (probe) => void (abilities.isReadOnly() || deliveryProbe.onProbe(probe)),
    readEntry,
    onFailure: (error) => onFailure('receive notices', error),
    log,
  })
  const deliveryProbe = createDeliveryProbe({
    async send(probe) {
      await withTimeout(COMMAND_TIMEOUT_MS, commands.spublish(probeChannel, probe))
      // Heard only by those that are connected to this server too, while others publish at the one that took its place.
      if (abilities.isReadOnly()) throw new Error('a probe of a replica proves nothing')
    },
    isSubscribed: subscriber.isReady,
    onFailure(error) {
      reconnectIfMoved()
      return onFailure('store recalls', error)
    },
    reconnectCommands: commandConnection.reconnect,
    reconnectSubscriber: subscriber.replace,
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

  const announcements = createAnnouncements({
    commands,
    keys,
    signer: announcementSigner,
    subscriber,
    mode,
    log,
  })
  const recalledSets = createRecalledSets(options, { commands, keys, log })
  const heartbeats = createHeartbeats({ commands, keys, signer: heartbeatSigner })
  const serverWarnings = createServerWarnings({
    commands,
    mayReadConfig: endpoint.username === undefined,
    log,
  })
  const abilities = createAbilityCheck({
    trials: createTrials({
      commands,
      subscriber: subscriberConnection.client,
      keys: createKeys(options.prefix, app, `:trial:${processId}`),
      waitsForReplicas: waitReplicas > 0,
    }),
    isConnected: () => commands.status === 'ready',
    mode,
    onRound: serverWarnings.check,
    log,
  })
  commands.on('ready', abilities.onConnected)

  /** Returns whether another connection could help. */
  function onFailure(name: Ability, error: unknown): boolean {
    abilities.onFailure(name, error)
    return replyIn(error, mode) === undefined
  }

  /** The same work; what Redis refuses is noticed at once. */
  const noticed =
    <Arguments extends unknown[], Result>(name: Ability, work: (...values: Arguments) => Promise<Result>) =>
    (...values: Arguments): Promise<Result> =>
      work(...values).then(
        (result) => {
          abilities.onSuccess(name)
          return result
        },
        (error: unknown) => {
          abilities.onFailure(name, error)
          throw error
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

  /** The first of these that holds explains the others. */
  function reasons(): readonly string[] {
    const failure = commandConnection.failure() ?? subscriberConnection.failure()
    if (failure !== undefined) return [textOfFailure(failure)]
    if (commands.status !== 'ready') return ['not connected to Redis']
    const refusals = abilities.reasons()
    if (refusals.length > 0) return refusals
    if (!subscriber.isReady()) return ['subscriptions at Redis are being restored']
    if (!deliveryProbe.isDelivering()) return ['messages published in Redis do not arrive here']
    if (!abilities.hasPassed()) return ['Redis is still being tried out']
    return announcements.unread().map((subject) => `announcements have not been read yet: ${subject}`)
  }

  return {
    async start() {
      // Concurrently, so that both keep trying when the first attempt fails.
      const subscribing = subscriber.start()
      subscribing.catch(() => undefined)
      try {
        await commandConnection.open()
        await subscribing
        await abilities.run()
        abilities.rejectUnsupported()
      } finally {
        await deliveryProbe.start()
      }
    },

    async stop() {
      deliveryProbe.stop()
      publisher.stop()
      abilities.stop()
      await Promise.all([subscriber.stop(), commandConnection.close()])
    },

    isReady: () => reasons().length === 0,
    reasons,
    warnings: () => [...serverWarnings.current(), ...abilities.warnings()],

    probeAgeMs: deliveryProbe.ageMs,
    isDelivering: deliveryProbe.isDelivering,

    publish: noticed('store recalls', publisher.publish),

    subscribe: (room, listener) => subscriber.subscribe(roomName(room), listener),

    history: noticed('read logs', logReader.history),
    historyBefore: noticed('read logs backwards', logReader.historyBefore),
    heads: noticed('read heads', logReader.heads),
    newEpoch: noticed('replace epochs', logReader.newEpoch),

    recalled: noticed('read recalled sets', recalledSets.recalled),
    endGroup: noticed('end groups', recalledSets.endGroup),

    announce: noticed('announce', announcements.announce),
    onAnnouncement: announcements.onAnnouncement,

    heartbeat: noticed('report heartbeats', heartbeats.heartbeat),
    heartbeats: noticed('read heartbeats', heartbeats.heartbeats),
  }
}
