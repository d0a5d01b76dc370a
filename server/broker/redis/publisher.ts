import { randomUUID } from 'node:crypto'
import type { Position } from '../../../shared/position.ts'
import type { Recall } from '../../../shared/recall.ts'
import { roomName, roomsOf } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { POSITION_TTL_S, UNTIMED_REPEAT_WINDOW_MS } from '../broker.ts'
import type { BrokerOptions, Published, PublishOptions } from '../broker.ts'
import { encodeEntry, joinEntry } from '../history.ts'
import { withTimeout } from '../timeout.ts'
import type { Connection } from './connection/connection.ts'
import type { Keys } from './keys.ts'
import { createPublishQueue } from './publish-queue.ts'
import type { Addressed } from './publish-queue.ts'
import { toArray, toPositions } from './scripts.ts'

interface PublisherOptions extends BrokerOptions {
  /** How many replicas must have a recall before it counts as stored. */
  readonly waitReplicas: number
}

interface PublisherDependencies {
  readonly commands: Connection['client']
  readonly keys: Keys
  /** Counts a write as successful only when enough replicas have it. */
  readonly confirmed: <T>(write: () => Promise<T>) => Promise<T>
  /** Returns the signature of an entry with all its messages; empty when nothing is signed. */
  readonly signatureOf: (entry: string) => string
  /** See `Broker.newEpoch`. */
  readonly newEpoch: (room: Room, epoch: string) => Promise<void>
  /** Called when a recall that replicas had to confirm was not stored. */
  readonly onUnconfirmed: () => void
  readonly log: Logger
}

/** Publishes recalls in batches, each with one call of the publish script; see `Broker.publish`. */
export function createPublisher(
  options: PublisherOptions,
  { commands, keys, confirmed, signatureOf, newEpoch, onUnconfirmed, log }: PublisherDependencies,
) {
  const { historySize, waitReplicas } = options
  const ttls = scriptTtls(options)
  const rollbacks = new RollbackDetector()
  const enqueue = createPublishQueue((batch) => confirmed(() => write(batch)))

  /** Returns the positions of each recall, up to the first that could not be stored. */
  async function write(batch: readonly Addressed[]): Promise<Position[][]> {
    const call = encodePublish(batch, { keys, signatureOf })
    const reply = toArray(
      await commands.recallPublish(
        call.keys.length,
        ...call.keys,
        randomUUID(),
        historySize,
        ...ttls,
        waitReplicas > 0 ? 1 : 0,
        ...call.arguments,
      ),
    )
    const results = reply.map(toPositions)
    await replaceEpochs(rolledBackLogs(batch, results))
    return results
  }

  function rolledBackLogs(
    batch: readonly Addressed[],
    results: readonly (readonly Position[])[],
  ): RolledBackLog[] {
    const rolledBack: RolledBackLog[] = []
    for (const [i, { rooms, names }] of batch.entries()) {
      for (const [j, position] of (results[i] ?? []).entries()) {
        const [room, name] = [rooms[j], names[j]]
        if (room === undefined || name === undefined) continue
        if (rollbacks.wentBack(name, position)) rolledBack.push({ room, name, position })
      }
    }
    return rolledBack
  }

  async function replaceEpochs(rolledBack: readonly RolledBackLog[]): Promise<void> {
    await Promise.all(
      rolledBack.map(async ({ room, name, position }) => {
        log.error({ room: name, position }, 'log lost confirmed recalls')
        // The recall is stored all the same. If this fails, the nodes replace the epoch: they check the heads too.
        await newEpoch(room, position.epoch).catch((err: unknown) =>
          log.error({ err }, 'cannot start a new epoch'),
        )
      }),
    )
  }

  return async function publish(
    recall: Recall,
    timeoutMs: number,
    { immediately = false }: PublishOptions = {},
  ): Promise<Published> {
    const rooms = roomsOf(recall)
    const names = rooms.map(roomName)
    const positions = await withTimeout(timeoutMs, enqueue({ recall, rooms, names }, immediately)).catch(
      (error: unknown) => {
        if (waitReplicas > 0) onUnconfirmed()
        throw error
      },
    )
    return {
      duplicate: positions.length === 0,
      positions: rooms.flatMap((room, i) => {
        const position = positions[i]
        return position === undefined ? [] : [{ room, position }]
      }),
    }
  }
}

interface EncodeDependencies {
  readonly keys: Keys
  readonly signatureOf: (entry: string) => string
}

/** Returns the keys and the arguments per recall of one call of the publish script, whose header explains them. */
function encodePublish(batch: readonly Addressed[], { keys, signatureOf }: EncodeDependencies) {
  const keyNames: string[] = []
  const values: (string | number)[] = []
  for (const { recall, rooms, names } of batch) {
    const entry = encodeEntry(recall)
    const { head, messages, tail } = entry
    keyNames.push(keys.recalled(recall))
    for (const name of names) keyNames.push(keys.head(name), keys.log(name), keys.channel(name))
    values.push(
      rooms.length,
      messages.length,
      recall.recalledAtMs,
      recall.untimed ? UNTIMED_REPEAT_WINDOW_MS : -1,
      head,
      tail,
      signatureOf(joinEntry(entry, messages)),
    )
    for (const [i, { seq }] of recall.messages.entries()) values.push(seq, messages[i] ?? '')
  }
  return { keys: keyNames, arguments: values }
}

/** The slack that logs and heads get beyond their TTL, as a fraction of it, so that not every publish has to extend the TTL. */
const TTL_SLACK = 1 / 16

/**
 * Returns the TTLs of the publish script in ms, in the order of its arguments: of a log, of a head, of a recalled set (0 =
 * forever), and the slack by which logs and heads outlive theirs. Extending a TTL costs as much as storing a recall; with
 * the slack, it is due only once in that time.
 */
function scriptTtls({ historyTtlS, recalledTtlS }: BrokerOptions): readonly number[] {
  const ttlsMs = [historyTtlS, POSITION_TTL_S, recalledTtlS ?? 0].map((seconds) => seconds * 1_000)
  const shortestMs = Math.min(historyTtlS, POSITION_TTL_S) * 1_000
  return [...ttlsMs, Math.floor(shortestMs * TTL_SLACK)]
}

/** A log that ends at or before a position it already had: a failover lost confirmed recalls. */
interface RolledBackLog {
  readonly room: Room
  readonly name: string
  readonly position: Position
}

/** Rooms in each of the two maps. */
const MAX_ROOMS = 5_000

/**
 * Remembers where the logs of recently used rooms end, to detect when one goes back: a failover lost confirmed recalls.
 * Holds the latest 5,000 rooms at least and 10,000 at most.
 */
export class RollbackDetector {
  /** Rooms published to recently. When full, it replaces `#older`, whose rooms are forgotten. */
  #recent = new Map<string, Position>()
  #older = new Map<string, Position>()

  /** Records the position of a new entry. Returns whether the log had reached it before, under the same epoch. */
  wentBack(room: string, position: Position): boolean {
    const before = this.#recent.get(room) ?? this.#older.get(room)
    this.#recent.set(room, position)
    if (this.#recent.size >= MAX_ROOMS) {
      this.#older = this.#recent
      this.#recent = new Map()
    }
    return before !== undefined && before.epoch === position.epoch && position.offset <= before.offset
  }
}
