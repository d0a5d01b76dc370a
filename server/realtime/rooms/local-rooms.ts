import { GatewayError } from '../../../shared/errors.ts'
import { roomName } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import type { LocalRoom } from './local-room.ts'

/** How long a room without sockets is kept, so that reloading pages do not make Redis subscribe again and again. */
const LINGER_MS = 5_000
/** Beyond these, a room without sockets is closed at once. */
const LINGERING_AT_MOST = 1_000

/** Each has a channel and a log that are looked after. */
const ROOMS_AT_MOST = 100_000

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
  readonly #create: (room: Room) => LocalRoom

  constructor(create: (room: Room) => LocalRoom) {
    this.#create = create
  }

  /** The open room, held until `release`. Rejects with BROKER_UNAVAILABLE or NODE_FULL; nothing is held then. */
  async acquire(room: Room): Promise<LocalRoom> {
    const name = roomName(room)
    const known = this.#held.get(name)
    if (known === undefined && this.#held.size >= ROOMS_AT_MOST) throw new GatewayError('NODE_FULL')
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
    if (this.#lingering.size >= LINGERING_AT_MOST) return close()
    this.#lingering.add(held)
    held.lingering = setTimeout(close, LINGER_MS)
    held.lingering.unref()
  }

  /** The rooms that are open now, those that linger included. */
  all(): LocalRoom[] {
    return [...this.#held.values()].filter(({ room }) => room.isOpen).map(({ room }) => room)
  }

  closeAll(): void {
    for (const { room, lingering } of this.#held.values()) {
      clearTimeout(lingering)
      room.close()
    }
    this.#held.clear()
  }

  #open(name: string, room: Room): Held {
    const local = this.#create(room)
    const opened = local.open().catch((error: unknown) => {
      local.close()
      throw error
    })
    const held = { room: local, opened, holders: 0 }
    this.#held.set(name, held)
    return held
  }
}
