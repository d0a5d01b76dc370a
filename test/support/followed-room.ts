import { FollowedRoom } from '../../shared/client/followed-room.ts'
import { Ledger } from '../../shared/client/ledger.ts'
import { Emitter } from '../../shared/client/listeners.ts'
import type { PositionStore } from '../../shared/client/position-store.ts'
import { RoomListener } from '../../shared/client/room-listener.ts'
import type { GapReason, Position } from '../../shared/position.ts'

export const room = { group: 'g' }
export const at = (offset: number, epoch = 'e'): Position => ({ epoch, offset })
export const batch = (offsets: readonly number[], epoch = 'e') => ({
  room,
  epoch,
  notices: offsets.map((offset) => ({ offset, group: 'g', messages: [{ seq: offset }], recalledAtMs: 1 })),
})
/** What a listener returns that never finishes. */
export const never = () => new Promise(() => undefined)

/** A room that a client follows, without a node: the test says what comes. `load` returns the position of the session before. */
export function followRoom(load?: () => unknown) {
  const stored: Position[] = []
  const store: PositionStore = {
    load: () => load?.() as undefined,
    save: (_, position) => void stored.push(position),
  }
  const ledger = new Ledger(store, 'group:g', () => undefined)
  const followed = new FollowedRoom(room, ledger)
  const listen = (since?: Position, onNotice: () => unknown = () => undefined, onGap?: () => unknown) => {
    const offsets: number[] = []
    const gaps: Position[] = []
    const listener = new RoomListener({
      room,
      onNotice({ offset }) {
        offsets.push(offset)
        return onNotice()
      },
      load: undefined,
      handover: undefined,
      clientEvents: new Emitter(),
      onMoved: () => followed.ledger.update(followed.listeners),
      onDrained: () => undefined,
      onChange: () => undefined,
    })
    listener.events.on('gap', ({ position }) => {
      gaps.push(position)
      return onGap?.()
    })
    followed.add(listener, since, () => undefined)
    return { listener, offsets, gaps }
  }
  const enter = (position: Position, gap?: GapReason, recovered = 0) =>
    followed.enter({ ok: true, room, position, recovered, ...(gap && { gap }) })
  const begin = (position: Position) => {
    followed.nextRequest()
    return enter(position)
  }
  return { followed, ledger, listen, enter, begin, stored }
}
