import { randomUUID } from 'node:crypto'
import { roomName } from '../../../shared/room.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { RedisMetrics } from '../../telemetry/metrics-port.ts'
import type { BrokerOptions } from '../broker.ts'
import type { RecoverableBroker } from '../recoverable-broker.ts'
import { withTimeout } from '../timeout.ts'
import { createAbilityCheck } from './ability-check.ts'
import { createAnnouncements } from './announcements.ts'
import { createAsking } from './asking/asking.ts'
import { parseRedisUrl } from './connection/address.ts'
import type { RedisMode } from './connection/address.ts'
import { COMMAND_TIMEOUT_MS } from './connection/connection.ts'
import { createDiscovery } from './connection/discovery.ts'
import { replyIn, textOfFailure } from './connection/failure.ts'
import { createConnections } from './connections.ts'
import { createDeliveryProbe } from './delivery-probe.ts'
import { createHeartbeats } from './heartbeats.ts'
import { createKeys } from './keys.ts'
import { createLaterVersions } from './later-versions.ts'
import { createLogReader } from './log-reader.ts'
import { createMarkers } from './markers.ts'
import { createPublisher } from './publisher.ts'
import { createRecalledSets } from './recalled-sets.ts'
import { createRecords } from './records.ts'
import { createNoticed, particular } from './refused-work.ts'
import { readRunId } from './run-id.ts'
import { createServerWarnings } from './server-warnings.ts'
import { createReadEntry, createSigner } from './signature.ts'
import { createSubscriber } from './subscriber.ts'
import { createSyncCheck } from './sync-check.ts'
import { createToldNotes } from './told-notes.ts'
import { createTrials } from './trials.ts'
import type { Ability } from './trials.ts'
import { createWait, createWriteConfirmation, isRequired } from './write-confirmation.ts'

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
  /** Whether a recall counts as stored only once the append-only file is synced, also on these replicas. Default: false. */
  readonly waitAof?: boolean
  readonly prefix: string
  readonly app: string
  /** Everything stored in Redis is signed with the first key and verified with all. Without keys it is unsigned. */
  readonly signingKeys?: readonly string[]
}

interface RedisBrokerDependencies {
  /** Default: nothing is counted. */
  readonly metrics?: RedisMetrics | undefined
  readonly log: Logger
}

/** The broker of many processes on one Redis (7.0 or newer): scripts on one connection, sharded channels on another. */
export function createRedisBroker(
  options: RedisOptions,
  { metrics, log }: RedisBrokerDependencies,
): RecoverableBroker {
  const { waitReplicas = 0, waitAof = false, app } = options
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
  const requirement = { replicas: waitReplicas, synced: waitAof }
  const isConfirmed = isRequired(requirement)
  const connections = createConnections({ endpoint, isConfirmed }, { locate, metrics, log })
  const { client: commands } = connections.commands
  const { client: recalls, generation } = connections.recalls

  // These kinds are part of each signature and must not change, or processes of two versions would reject each other.
  const signing = { keys: options.signingKeys ?? [], app }
  const entrySigner = createSigner('entry', signing)
  const announcementSigner = createSigner('announcement', signing)
  const heartbeatSigner = createSigner('report', signing)

  const later = createLaterVersions({ log })
  const readEntry = createReadEntry(entrySigner, later)
  const subscriber = createSubscriber(connections.subscriber, {
    keys,
    probeChannel,
    onProbe: (probe) => void (abilities.isReadOnly() || deliveryProbe.onProbe(probe)),
    onComplete: () => deliveryProbe.onSubscribed(),
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
      connections.reconnectIfMoved()
      return onFailure('store recalls', error)
    },
    reconnectCommands: connections.commands.reconnect,
    reconnectSubscriber: subscriber.replace,
    onProved: metrics?.redisProbe,
    log,
  })
  const logReader = createLogReader({ commands, keys, readEntry })
  /** Of the server that has, or has lost, what is published. */
  const published = createLogReader({ commands: recalls, keys, readEntry })
  const trialKeys = createKeys(options.prefix, app, `:trial:${processId}`)
  const syncCheck = createSyncCheck({ client: recalls, commands, generation, key: trialKeys.topics('sync') })
  const publisher = createPublisher(
    { ...options, isConfirmed },
    {
      commands: recalls,
      keys,
      confirmed: createWriteConfirmation(requirement, {
        wait: createWait(requirement, recalls),
        ensureSyncs: syncCheck.ensure,
        generation,
      }),
      signatureOf: entrySigner.signatureOf,
      newEpoch: published.newEpoch,
      onUnconfirmed() {
        connections.reconnectIfMoved()
        void connections.checkRecalls()
      },
      onBatch: metrics?.redisBatch,
      log,
    },
  )

  const announcements = createAnnouncements({
    commands,
    keys,
    signer: announcementSigner,
    subscriber,
    mode,
    later,
    log,
  })
  const records = createRecords({
    commands,
    keys,
    signers: {
      audit: createSigner('record audit', signing),
      health: createSigner('record health', signing),
      folders: createSigner('record folders', signing),
    },
    later,
    log,
  })
  const asking = createAsking({
    processId,
    commands,
    subscriber,
    keys,
    questionSigner: createSigner('question', signing),
    answerSigner: createSigner('answer', signing),
    log,
  })
  const toldNotes = createToldNotes(options, { commands, keys })
  const recalledSets = createRecalledSets(options, { commands, recalls, keys, log })
  const heartbeats = createHeartbeats({
    commands,
    keys,
    signer: heartbeatSigner,
    onClock: metrics?.redisClock,
  })
  const markers = createMarkers({ commands: connections.recalls.client, keys })
  const serverWarnings = createServerWarnings({
    commands,
    key: trialKeys.heartbeats,
    waitsForSync: waitAof,
    log,
  })
  const checkSync = async (): Promise<void> => {
    await connections.checkRecalls()
    await syncCheck.check()
  }
  const abilities = createAbilityCheck({
    trials: createTrials({
      commands,
      subscriber: connections.subscriber.client,
      keys: trialKeys,
      waitsForReplicas: waitReplicas > 0,
      checkSync: waitAof ? checkSync : undefined,
    }),
    isConnected: connections.areReady,
    mode,
    onRound: () => Promise.all([serverWarnings.check(), connections.checkRecalls()]),
    log,
  })
  const noticed = createNoticed(abilities)
  commands.on('ready', serverWarnings.onConnected)
  // One of them alone is not enough to try everything.
  for (const { client } of connections.senders) client.on('ready', abilities.onConnected)

  /** Returns whether another connection could help. */
  function onFailure(name: Ability, error: unknown): boolean {
    abilities.onFailure(name, error)
    return replyIn(error, mode) === undefined
  }

  /** The first of these that holds explains the others. */
  function reasons(): readonly string[] {
    const failure = connections.failure()
    if (failure !== undefined) return [textOfFailure(failure)]
    if (!connections.areReady()) return ['not connected to Redis']
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
        await connections.open()
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
      await Promise.all([subscriber.stop(), connections.close()])
    },

    isReady: () => reasons().length === 0,
    reasons,
    warnings: () => [...serverWarnings.current(), ...abilities.warnings(), ...later.warnings()],
    powerCut: serverWarnings.powerCut,

    probeAgeMs: deliveryProbe.ageMs,
    isDelivering: deliveryProbe.isDelivering,

    publish: particular(noticed('store recalls', publisher.publish)),

    subscribe: (room, listener) => subscriber.subscribe(roomName(room), listener),

    history: noticed('read logs', logReader.history),
    historyBefore: noticed('read logs backwards', logReader.historyBefore),
    heads: noticed('read heads', logReader.heads),
    excerpts: noticed('compare logs', logReader.excerpts),
    entries: noticed('read stored entries', logReader.entries),
    noteTold: noticed('note who was told', toldNotes.noteTold),
    told: noticed('note who was told', toldNotes.told),
    publishedHeads: noticed('read heads', published.heads),
    newEpoch: particular(noticed('replace epochs', publisher.newEpoch)),

    recalled: noticed('read recalled sets', recalledSets.recalled),
    lacks: particular(noticed('read recalled sets', recalledSets.lacks)),
    endGroup: noticed('end groups', recalledSets.endGroup),

    announce: noticed('announce', announcements.announce),
    onAnnouncement: announcements.onAnnouncement,

    record: noticed('announce', records.record),
    records: noticed('read announcements', records.records),

    heartbeat: noticed('report heartbeats', heartbeats.heartbeat),
    heartbeats: noticed('read heartbeats', heartbeats.heartbeats),

    ask: asking.ask,
    onAsk: asking.onAsk,

    mark: noticed('store markers', markers.mark),
    doubts: generation,
    server: () => readRunId(recalls),
    rollbacks: publisher.rollbacks,
  }
}
