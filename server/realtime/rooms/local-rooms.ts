import { GatewayError } from '../../../shared/errors.ts'
import { roomName } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import { LocalRoom } from './local-room.ts'
import type { LocalRoomDependencies, LocalRoomOptions } from './local-room.ts'
import { setTimeout as delay } from 'node:timers/promises'
import type { Broker, History } from '../../broker/broker.ts'
import type { Position } from '../../../shared/position.ts'
import { createLimiter } from '../../lib/flow-control.ts'

/** How long a room without sockets is kept, so that reloading pages do not make Redis subscribe again and again. */
const LINGER_MS = 5_000
/** Beyond these, a room without sockets is closed at once. */
const MAX_LINGERING_ROOMS = 1_000

/** Each has a channel and a log that are looked after. */
const MAX_ROOMS = 100_000

interface Held {
  readonly room: LocalRoom
  readonly opened: Promise<void>
  holders: number
  lingering?: NodeJS.Timeout | undefined
}

/** The rooms that have sockets on this node. The first holder of a room opens it, the last one closes it a while later. */
export class LocalRooms {
  readonly #held = new Map<string, Held>()
  readonly #lingering = new Set<Held>()
  readonly #options: LocalRoomOptions
  readonly #deps: LocalRoomDependencies

  constructor(options: LocalRoomOptions, dependencies: LocalRoomDependencies) {
    this.#options = options
    this.#deps = dependencies
  }

  /** The open room, held until `release`. Rejects with BROKER_UNAVAILABLE or NODE_FULL; nothing is held then. */
  async acquire(room: Room): Promise<LocalRoom> {
    const name = roomName(room)
    const known = this.#held.get(name)
    if (known === undefined && this.#held.size >= MAX_ROOMS) throw new GatewayError('NODE_FULL')
    const held = known ?? this.#open(name, room)
    clearTimeout(held.lingering)
    this.#lingering.delete(held)
    held.holders++
    try {
      await held.opened
      return held.room
    } catch (error) {
      if (this.#held.get(name) === held) this.#held.delete(name)
      throw error
    }
  }

  release(room: LocalRoom): void {
    const { name } = room
    const held = this.#held.get(name)
    if (held?.room !== room || --held.holders > 0) return
    const close = (): void => {
      this.#lingering.delete(held)
      this.#held.delete(name)
      room.close()
    }
    if (this.#lingering.size >= MAX_LINGERING_ROOMS) return close()
    this.#lingering.add(held)
    held.lingering = setTimeout(close, LINGER_MS)
    held.lingering.unref()
  }

  /** The rooms that are open now, those that linger included. */
  all(): LocalRoom[] {
    return [...this.#held.values()].filter(({ room }) => room.isOpen).map(({ room }) => room)
  }

  /** Looks in one round trip whether the logs end where the rooms of this node stand. Never rejects. */
  async checkHeads(): Promise<void> {
    const { broker, log } = this.#deps
    const open = this.all()
    const seen = open.map(({ position }) => position)
    try {
      const heads = await broker.heads(open.map(({ room }) => room))
      for (const [i, room] of open.entries()) {
        const [before, head] = [seen[i], heads[i]]
        if (before !== undefined && head !== undefined) room.checkHead(before, head)
      }
    } catch (err) {
      log.debug({ err }, 'tops could not be compared')
    }
  }

  closeAll(): void {
    for (const { room, lingering } of this.#held.values()) {
      clearTimeout(lingering)
      room.close()
    }
    this.#held.clear()
  }

  #open(name: string, room: Room): Held {
    const local = new LocalRoom(room, this.#options, this.#deps)
    const opened = local.open().catch((error: unknown) => {
      local.close()
      throw error
    })
    const held = { room: local, opened, holders: 0 }
    this.#held.set(name, held)
    return held
  }
}

/** How long a notice that got lost on its way to a quiet room can go unnoticed. */
const HEAD_CHECK_INTERVAL_MS = 30_000

/**
 * Checks the heads of the logs every half minute: a lost notice shows by itself only when another one follows. Ends when
 * `stop` is aborted; never rejects.
 */
export async function checkHeadsPeriodically(rooms: LocalRooms, stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    // Jitter keeps the nodes apart.
    const ms = HEAD_CHECK_INTERVAL_MS * (0.75 + Math.random() / 2)
    await delay(ms, undefined, { signal: stop, ref: false }).catch(() => undefined)
    if (!stop.aborted) await rooms.checkHeads()
  }
}

/** Notices in one read of a log. */
const PAGE_NOTICES = 100
/** Pages that are read at a time: one of the largest recalls is 7.5 MB. */
const MAX_CONCURRENT_PAGES = 8

/** A page of the log of a room after a position. Rejects with BROKER_UNAVAILABLE. */
export type ReadPage = (room: LocalRoom, since: Position) => Promise<History>

/**
 * Reads logs for sockets that come back. Those of a lost node come together and mostly stopped at the same place: who asks
 * for a page that is being read gets that one, and the room remembers it for those who come a moment later.
 */
export function createPageReader(broker: Pick<Broker, 'history'>): ReadPage {
  const limit = createLimiter(MAX_CONCURRENT_PAGES)
  const underWay = new Map<string, Promise<History>>()

  async function read(room: LocalRoom, since: Position): Promise<History> {
    const history = await limit(() => broker.history(room.room, since, PAGE_NOTICES))
    if (history.gap === undefined) room.remember(since.epoch, history.notices)
    return history
  }

  return (room, since) => {
    const page = `${room.name} ${since.epoch} ${since.offset}`
    const known = underWay.get(page)
    if (known !== undefined) return known
    const reading = read(room, since).finally(() => underWay.delete(page))
    underWay.set(page, reading)
    return reading
  }
}
