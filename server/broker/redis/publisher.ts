import { GatewayError } from '../../../shared/errors.ts'
import type { Position } from '../../../shared/position.ts'
import type { Recall } from '../../../shared/recall.ts'
import { isFeed, roomName, roomsOf } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Broker, BrokerOptions, Published, PublishOptions } from '../broker.ts'
import { createEpochReplacer } from '../epoch-replacer.ts'
import type { RolledBackLog } from '../epoch-replacer.ts'
import { withRooms } from '../repeats.ts'
import { withTimeout } from '../timeout.ts'
import type { Connection } from './connection/connection.ts'
import type { Keys } from './keys.ts'
import { encodePublish, publishSettings, RECALLS_PER_CALL } from './publish-call.ts'
import { createPublishQueue } from './publish-queue.ts'
import type { Addressed, Outcome } from './publish-queue.ts'
import { RollbackDetector } from './rollbacks.ts'
import { toArray, toPositions } from './scripts.ts'

interface PublisherOptions extends BrokerOptions {
  /** Whether a recall counts as stored only once more than the reply of Redis confirms it. */
  readonly isConfirmed: boolean
}

interface PublisherDependencies {
  readonly commands: Connection['client']
  readonly keys: Keys
  /** Counts a write as successful only when it is confirmed; see `createWriteConfirmation`. */
  readonly confirmed: <T>(write: () => Promise<T>, timeoutMs: number) => Promise<T>
  /** Returns the signature of an entry with all its messages; empty when nothing is signed. */
  readonly signatureOf: (entry: string) => string
  readonly newEpoch: Broker['newEpoch']
  /** Called when a recall that had to be confirmed was not. */
  readonly onUnconfirmed: () => void
  /** Called with the number of recalls of each batch. */
  readonly onBatch?: ((recalls: number) => void) | undefined
  readonly log: Logger
}

/** Publishes recalls in batches; see `Broker.publish`. */
export function createPublisher(
  options: PublisherOptions,
  { commands, keys, confirmed, signatureOf, newEpoch, onUnconfirmed, onBatch, log }: PublisherDependencies,
) {
  const { isConfirmed } = options
  const settings = publishSettings(options, isConfirmed)
  const rollbacks = new RollbackDetector()
  let rollbacksSeen = 0
  let feedEpoch: string | undefined
  const epochs = createEpochReplacer({ newEpoch: replaceEpoch, log })
  const enqueue = createPublishQueue(write)

  function replaceEpoch(room: Room, epoch: string, agreesUntil?: number, cut?: string): Promise<void> {
    // That the feed has another epoch proves nothing then.
    if (isFeed(room)) feedEpoch = undefined
    return newEpoch(room, epoch, agreesUntil, cut)
  }

  /**
   * Sends the recalls together. Each succeeds or fails by itself, so that one that Redis refuses holds up no other. Rejects if
   * all fail.
   */
  async function write(batch: readonly Addressed[]): Promise<Outcome[]> {
    onBatch?.(batch.length)
    const calls: Promise<Outcome[]>[] = []
    const rolledBack: RolledBackLog[] = []
    // One write for all calls, which are made at once; the stream is another one after each reconnect.
    const { stream } = commands
    if (batch.length > RECALLS_PER_CALL) stream?.cork()
    for (let i = 0; i < batch.length; i += RECALLS_PER_CALL)
      calls.push(callEach(batch.slice(i, i + RECALLS_PER_CALL), rolledBack))
    if (batch.length > RECALLS_PER_CALL) stream?.uncork()
    const outcomes = (await Promise.all(calls)).flat()
    const [first] = outcomes
    if (first instanceof Error && outcomes.every((outcome) => outcome instanceof Error)) throw first
    rollbacksSeen += rolledBack.length
    for (const { name, position } of rolledBack)
      log.error({ room: name, position }, 'log lost confirmed recalls')
    await epochs.replace(rolledBack)
    return outcomes
  }

  /**
   * Never rejects. A user may lack the right to one key, and Redis then refuses all that the call is about. Adds the logs that were
   * rolled back to `rolledBack`: when Redis replies, because only the replies are in the order in which it stored the recalls.
   */
  async function callEach(batch: readonly Addressed[], rolledBack: RolledBackLog[]): Promise<Outcome[]> {
    try {
      const outcomes = await call(batch)
      rolledBack.push(...rolledBackLogs(batch, outcomes))
      return outcomes
    } catch (error) {
      const isRefused = error instanceof Error && error.name === 'ReplyError'
      if (!isRefused || batch.length === 1) return batch.map(() => toUnavailable(error))
      return (await Promise.all(batch.map((one) => callEach([one], rolledBack)))).flat()
    }
  }

  async function call(batch: readonly Addressed[]): Promise<Outcome[]> {
    const { keys: names, arguments: values } = encodePublish(batch, settings, { keys, signatureOf })
    const replies = toArray(await commands.recallPublish(names.length, ...names, ...values))
    return batch.map((addressed, i) => {
      const reply = replies[i]
      return reply instanceof Error ? toUnavailable(reply) : toOutcome(addressed, toArray(reply))
    })
  }

  function toOutcome({ names: [room] }: Addressed, reply: readonly unknown[]): Position[] {
    if (reply.length % 2 === 0) return toPositions(reply)
    log.error({ room }, 'unreadable head, log or recalled set in Redis, its content is lost')
    return toPositions(reply.slice(0, -1))
  }

  function rolledBackLogs(batch: readonly Addressed[], outcomes: readonly Outcome[]): RolledBackLog[] {
    const rolledBack: RolledBackLog[] = []
    for (const [i, { rooms, names }] of batch.entries()) {
      const outcome = outcomes[i]
      if (outcome === undefined || outcome instanceof Error) continue
      const feed = outcome.at(-1)
      // Only that of a feed that went back is replaced.
      if (feed !== undefined && feed.epoch !== feedEpoch) {
        if (feedEpoch !== undefined) rollbacksSeen++
        feedEpoch = feed.epoch
      }
      // As `withRooms` does it.
      const skipped = rooms.length - outcome.length
      for (const [j, position] of outcome.entries()) {
        const [room, name] = [rooms[skipped + j], names[skipped + j]]
        if (room === undefined || name === undefined || !rollbacks.wentBack(name, position)) continue
        rolledBack.push({ room, name, position })
      }
    }
    return rolledBack
  }

  async function publish(
    recall: Recall,
    timeoutMs: number,
    { immediately = false }: PublishOptions = {},
  ): Promise<Published> {
    const rooms = roomsOf(recall)
    const names = rooms.map(roomName)
    if (recall.messages.length === 0) return { duplicate: true, positions: [] }
    // Each recall by itself: the next call need not wait until the recalls of the one before are confirmed.
    const storing = confirmed(() => enqueue({ recall, rooms, names }, immediately), timeoutMs)
    const positions = await withTimeout(timeoutMs, storing).catch((error: unknown) => {
      if (isConfirmed) onUnconfirmed()
      throw error
    })
    return { duplicate: positions.length === 0, positions: withRooms(rooms, positions) }
  }

  return {
    publish,
    /** Counts the logs that it has found to have gone back, and how often others have. */
    rollbacks: (): number => rollbacksSeen,
    newEpoch: replaceEpoch,
    stop: epochs.stop,
  }
}

const toUnavailable = (cause: unknown): Error => new GatewayError('BROKER_UNAVAILABLE', undefined, { cause })
