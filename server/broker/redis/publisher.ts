import { randomUUID } from 'node:crypto'
import type { Position } from '../../../shared/position.ts'
import type { Recall } from '../../../shared/recall.ts'
import { roomName, roomsOf } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Published, PublishOptions } from '../broker.ts'
import { within } from '../timeout.ts'
import type { Connection } from './connection/connection.ts'
import { encodePublish } from './encode-publish.ts'
import type { Addressed } from './encode-publish.ts'
import type { Keys } from './keys.ts'
import { LastPositions } from './last-positions.ts'
import { createPublishQueue } from './publish-queue.ts'
import { toArray, toPositions } from './scripts.ts'

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
  const last = new LastPositions()
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
        if (last.goesBack(name, position)) goneBack.push({ room, name, position })
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
    withinMs: number,
    { atOnce = false }: PublishOptions = {},
  ): Promise<Published> {
    const rooms = roomsOf(recall)
    const names = rooms.map(roomName)
    const positions = await within(withinMs, enqueue({ recall, rooms, names }, atOnce)).catch(
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
