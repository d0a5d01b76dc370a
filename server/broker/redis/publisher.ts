import { randomUUID } from 'node:crypto'
import type { Position } from '../../../shared/position.ts'
import type { Recall } from '../../../shared/recall.ts'
import { roomName, roomsOf } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Published, PublishOptions, BrokerOptions } from '../broker.ts'
import { withTimeout } from '../timeout.ts'
import type { Connection } from './connection/connection.ts'
import type { Keys } from './keys.ts'
import { createPublishQueue } from './publish-queue.ts'
import type { Addressed } from './publish-queue.ts'
import { toArray, toPositions } from './scripts.ts'
import { POSITION_TTL_S, UNTIMED_REPEAT_WINDOW_MS } from '../broker.ts'
import { encodeEntry, joinEntry } from '../history.ts'

interface PublisherOptions {
  /** See `livesOf`. */
  readonly lives: readonly number[]
  /** Longest log of a room, in notices. */
  readonly historySize: number
  /** How many replicas must have a recall before it counts as kept. */
  readonly waitReplicas: number
}

interface PublisherDependencies {
  readonly commands: Connection['client']
  readonly keys: Keys
  /** Lets a write count only when enough replicas have it. */
  readonly confirmed: <T>(write: () => Promise<T>) => Promise<T>
  /** Of an entry; empty when nothing is signed. */
  readonly signatureOf: (entry: string) => string
  /** Gives the log of the room another epoch, unless it has another one than this. */
  readonly renew: (room: Room, epoch: string) => Promise<void>
  /** Told when replicas were to confirm, and a recall was not kept. */
  readonly onUnconfirmed: () => void
  readonly log: Logger
}

/** A log that ends where it had ended before, or earlier: a failover lost what was confirmed. */
interface GoneBack {
  readonly room: Room
  readonly name: string
  readonly position: Position
}

/** Keeps recalls in Redis and spreads them; see `Broker.publish`. */
export function createPublisher(
  { lives, historySize, waitReplicas }: PublisherOptions,
  { commands, keys, confirmed, signatureOf, renew, onUnconfirmed, log }: PublisherDependencies,
) {
  const last = new RollbackDetector()
  const enqueue = createPublishQueue((batch) => confirmed(() => write(batch)))

  /** Answers the positions of each; of fewer, when one could not be kept. */
  async function write(batch: readonly Addressed[]): Promise<Position[][]> {
    const call = encodePublish(batch, { keys, signatureOf })
    const reply = toArray(
      await commands.recallPublish(
        call.keys.length,
        ...call.keys,
        randomUUID(),
        historySize,
        ...lives,
        waitReplicas > 0 ? 1 : 0,
        ...call.arguments,
      ),
    )
    const outcomes = reply.map(toPositions)
    await renewAll(whatWentBack(batch, outcomes))
    return outcomes
  }

  function whatWentBack(batch: readonly Addressed[], outcomes: readonly (readonly Position[])[]): GoneBack[] {
    const goneBack: GoneBack[] = []
    for (const [i, { rooms, names }] of batch.entries()) {
      for (const [j, position] of (outcomes[i] ?? []).entries()) {
        const [room, name] = [rooms[j], names[j]]
        if (room === undefined || name === undefined) continue
        if (last.wentBack(name, position)) goneBack.push({ room, name, position })
      }
    }
    return goneBack
  }

  async function renewAll(goneBack: readonly GoneBack[]): Promise<void> {
    await Promise.all(
      goneBack.map(async ({ room, name, position }) => {
        log.error({ room: name, position }, 'a log lost recalls that were confirmed')
        // Kept it is: who could not be told now is told by the nodes, which compare as well.
        await renew(room, position.epoch).catch((err: unknown) =>
          log.error({ err }, 'a log could not be renewed'),
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
  /** Of the entry with all its messages; empty when nothing is signed. */
  readonly signatureOf: (entry: string) => string
}

/** The keys, and the arguments of each recall, of one call of the publish script; its header says what they mean. */
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

/** Nothing is prolonged before this part of its life is over: that would cost as much as keeping a recall. */
const PROLONGED_AFTER = 1 / 16

/**
 * How long the publish script lets things live, in ms, in the order of its arguments: a log, a head, a recalled set (0 =
 * for ever), and how much longer logs and heads live, so that they need not be prolonged until then.
 */
export function scriptTtls({ historyTtlS, recalledTtlS }: BrokerOptions): readonly number[] {
  const inMs = [historyTtlS, POSITION_TTL_S, recalledTtlS ?? 0].map((seconds) => seconds * 1_000)
  const shortest = Math.min(historyTtlS, POSITION_TTL_S) * 1_000
  return [...inMs, Math.floor(shortest * PROLONGED_AFTER)]
}

/** Rooms in each of the two generations that are remembered. */
const MAX_ROOMS = 5_000

/** What this process was told of where logs end, to notice when one goes back: a failover lost what was confirmed. */
export class RollbackDetector {
  /** Rooms published to lately. When it is full it becomes the older generation, and that one is forgotten. */
  #recent = new Map<string, Position>()
  #older = new Map<string, Position>()

  /** Remembers this end of a log, the result of a publish. Answers true if the log had been further under the same epoch. */
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
