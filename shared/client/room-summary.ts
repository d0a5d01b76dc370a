import type { Room } from '../room.ts'
import type { Refusal } from './api.ts'

/** What the client knows of one listener. */
export interface ListenerState {
  readonly state: 'live' | 'catching-up' | 'loading'
  /** What the application fails at or takes long for, if that is why. */
  readonly reason?: string | undefined
}

/** What the client knows of a room, or of one subscription to it, while it is connected. */
export interface RoomSummary extends Omit<ListenerState, 'state'> {
  readonly room: Room
  readonly state: ListenerState['state'] | 'refused'
  /** Also while the client tries again, as `catching-up` or `loading`. */
  readonly refusal?: Refusal | undefined
}

const KINDS: readonly RoomSummary['state'][] = ['live', 'catching-up', 'loading', 'refused']

/** Returns the one that is further from live; of two that are as far, the one that says why, or the first. */
export function furtherFromLive<Part extends Pick<RoomSummary, 'state' | 'reason' | 'refusal'>>(
  one: Part | undefined,
  other: Part,
): Part {
  return one === undefined || weight(other) > weight(one) ? other : one
}

const weight = ({ state, reason, refusal }: Pick<RoomSummary, 'state' | 'reason' | 'refusal'>): number =>
  KINDS.indexOf(state) * 3 + (refusal !== undefined ? 2 : reason !== undefined ? 1 : 0)
