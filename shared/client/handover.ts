import { isSamePosition } from '../position.ts'
import { handoverOf } from './call.ts'
import type { Call } from './call.ts'
import type { Ledger } from './ledger.ts'
import type { Item } from './listener-queue.ts'
import type { RoomListener } from './room-listener.ts'

/** A listener that has left: what it had taken and not finished, and its call that was running. */
interface Left {
  readonly from: RoomListener
  readonly unfinished: readonly Item[]
  readonly call: Call | undefined
}

/**
 * Gives what a listener has left unfinished to those that came meanwhile and have dealt with nothing yet, unless somebody else
 * has it. If there are none, it is owed to whoever comes next. Returns whether heirs must receive more than what was taken.
 */
export function handOn(
  { from, unfinished, call }: Left,
  listeners: readonly RoomListener[],
  ledger: Ledger,
): boolean {
  const { place, taken, isProved } = from
  // Whoever comes next begins at the position of the ledger, if nobody is there.
  if (listeners.length === 0 || place === undefined || !isProved) return false
  if (ledger.isCovered(place, listeners)) return false
  const heirs = listeners.filter(({ isNewcomer }) => isNewcomer)
  if (heirs.length === 0) ledger.owe(place)
  let isBehind = false
  for (const heir of heirs) {
    if (call !== undefined && heir.handover?.call !== call) heir.handover = handoverOf(call)
    const end = unfinished.findIndex(({ position }) => isSamePosition(position, heir.start))
    if (end === -1) {
      heir.inherit(place, unfinished, taken)
      isBehind = true
    } else heir.inherit(place, unfinished.slice(0, end + 1))
  }
  return isBehind
}
