import type { Room } from '../../../shared/room.ts'
import type { StateKind } from '../../../shared/client.ts'

// What users, and the pages that they open, write down.

/** A user's page was opened, closed by its own code, or ended from outside, when nothing of it runs any more. */
export interface Lived {
  readonly kind: 'opened' | 'closed' | 'killed'
  readonly user: string
  readonly life: number
}

/** A listener leaves a room. */
export interface Left {
  readonly kind: 'left'
  readonly listener: string
  readonly user: string
  readonly life: number
  readonly room: Room
}

/** A listener begins to follow a room. */
export interface Followed {
  readonly kind: 'followed'
  readonly listener: string
  readonly user: string
  readonly life: number
  readonly room: Room
  /** What the user follows it with. */
  readonly by: 'library' | 'plain' | 'stream'
  /**
   * Where it begins: at the stored position, if there is one; at one that is known to be there (`kept`); at one that the app would
   * give, if it had one; or from now, which `load` has loaded.
   */
  readonly from: 'stored' | 'kept' | 'given' | 'load'
}

/** A listener is called with a notice. */
export interface Told {
  readonly kind: 'told'
  readonly listener: string
  readonly life: number
  readonly room: Room
  readonly offset: number
  readonly group: string
  readonly topic?: string
  readonly seqs: readonly number[]
  readonly recalledAtMs: number
  /** Whether the notice names who recalled. */
  readonly hasOperator: boolean
}

/** The listener has returned, or thrown. */
export interface Handled {
  readonly kind: 'handled'
  readonly listener: string
  readonly life: number
  readonly offset: number
  readonly isDone: boolean
}

/** What was recalled until now has to be loaded: a gap was told, or `load` was called (`reason` is `load` then). */
export interface GapTold {
  readonly kind: 'gap'
  readonly listener: string
  readonly life: number
  readonly room: Room
  readonly reason: string
  /** How many notices are between where the listener was and where it goes on, in one epoch, if it can tell. */
  readonly missed?: number
}

/** What dealt with the gap, or `load`, has returned, or thrown. */
export interface GapHandled {
  readonly kind: 'gap handled'
  readonly listener: string
  readonly life: number
  readonly isDone: boolean
  /** What it was told when it asked which of the messages of the room are recalled. Undefined if it did not ask. */
  readonly recalled?: readonly Seqs[]
}

/** Messages of a conversation. */
export interface Seqs {
  readonly group: string
  readonly topic?: string
  readonly seqs: readonly number[]
}

/** The store of a user has written the position of a room. */
export interface Stored {
  readonly kind: 'stored'
  readonly user: string
  readonly life: number
  readonly room: Room
  readonly epoch: string
  readonly offset: number
}

/** The app has given up on a notice that its listener cannot handle: as if it had. */
export interface Skipped {
  readonly kind: 'skipped'
  readonly listener: string
  readonly life: number
  readonly offset: number
}

/** What the client says of itself, or of the subscription of a listener. */
export interface Said {
  readonly kind: 'state'
  readonly user: string
  readonly life: number
  /** Undefined: of the client as a whole. */
  readonly listener?: string
  readonly state: StateKind
  readonly code?: string
  readonly reason?: string
}

export interface Refused {
  readonly kind: 'refused'
  readonly user: string
  readonly life: number
  /** Undefined: the connection. */
  readonly listener?: string
  readonly room: Room
  readonly code: string
  readonly retry: boolean
}

/** A connection of somebody without the library has ended, and not by the page. */
export interface Ended {
  readonly kind: 'ended'
  readonly user: string
  readonly life: number
  /** Of a stream. */
  readonly listener?: string
  /** The node had said why. */
  readonly hasGoodbye: boolean
}
