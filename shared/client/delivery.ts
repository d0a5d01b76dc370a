import type { Delivery } from '../protocol.ts'
import { roomName } from '../room.ts'
import type { Room } from '../room.ts'
import type { RecallSocket } from './requests.ts'

/** Why notices may be missing. */
export interface Doubt {
  /** When delivery was last proved, in ms since 1970 by the client's clock. */
  readonly sinceMs: number
  readonly reason: string
}

interface DeliveryDoubtsOptions {
  /** A doubt is over: about these rooms, or without them about the node as a whole. */
  readonly onProved: (rooms?: readonly Room[]) => void
  readonly onChange: () => void
}

/** What the node says of delivery: as a whole, and room by room. What it does not doubt is proved. */
export class DeliveryDoubts {
  readonly #onProved: DeliveryDoubtsOptions['onProved']
  readonly #onChange: () => void
  #node: Doubt | undefined
  readonly #rooms = new Map<string, Doubt>()

  constructor(socket: RecallSocket, { onProved, onChange }: DeliveryDoubtsOptions) {
    this.#onProved = onProved
    this.#onChange = onChange
    socket.on('delivery', (delivery) => this.#onDelivery(delivery))
  }

  /** About the node as a whole. */
  get node(): Doubt | undefined {
    return this.#node
  }

  /** About a room, for the room alone or with the whole node: the earlier of the two. */
  of(room: Room): Doubt | undefined {
    const own = this.#rooms.size === 0 ? undefined : this.#rooms.get(roomName(room))
    return earlier(own, this.#node)
  }

  /** The node answered `subscribe`: if the room is still in doubt, it says so again. */
  onSubscribed(room: Room): void {
    this.#rooms.delete(roomName(room))
  }

  /** To be called once disconnected. */
  clear(): void {
    this.#node = undefined
    this.#rooms.clear()
  }

  #onDelivery(delivery: Delivery): void {
    const doubt = delivery.proved
      ? undefined
      : { sinceMs: Date.now() - Math.max(0, delivery.doubtMs), reason: delivery.reason }
    if (delivery.rooms === undefined) this.#node = doubt && continued(this.#node, doubt)
    for (const room of delivery.rooms ?? []) {
      const name = roomName(room)
      const latest = doubt && continued(this.#rooms.get(name), doubt)
      if (latest === undefined) this.#rooms.delete(name)
      else this.#rooms.set(name, latest)
    }
    if (doubt === undefined) this.#onProved(delivery.rooms)
    this.#onChange()
  }
}

/** A doubt that is told again stands since it was told first; its reason may have changed. */
const continued = (before: Doubt | undefined, doubt: Doubt): Doubt =>
  before !== undefined && before.sinceMs < doubt.sinceMs ? { ...doubt, sinceMs: before.sinceMs } : doubt

const earlier = (one: Doubt | undefined, other: Doubt | undefined): Doubt | undefined =>
  one === undefined || (other !== undefined && other.sinceMs < one.sinceMs) ? other : one
