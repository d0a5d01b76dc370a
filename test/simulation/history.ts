import type { Room } from '../../shared/room.ts'
import type { StateKind } from '../../shared/client.ts'

/**
 * What happened in a run, in order, each at its virtual time in ms. Written by what plays the provider, the users and the
 * faults; the gateway writes nothing here. The judges read nothing else.
 */
export type Entry = { readonly atMs: number } & (
  | Sent
  | Answered
  | Lived
  | Followed
  | Left
  | Told
  | Handled
  | GapTold
  | GapHandled
  | Stored
  | Skipped
  | Said
  | Refused
  | Ended
  | Signed
  | Granted
  | Decided
  | Quit
  | Ordered
  | OrderAnswered
  | Dismissed
  | Disturbed
  | Restored
  | Crashed
  | Logged
  | Found
)

/** The provider has called the webhook. */
interface Sent {
  readonly kind: 'sent'
  readonly id: number
  readonly group: string
  readonly topic?: string
  readonly seqs: readonly number[]
  /** The provider's time of the recall, in ms since 1970. */
  readonly recalledAtMs: number
  /** The call names no time; `recalledAtMs` is then when it was sent. */
  readonly isUntimed?: true
}

/** The provider has an answer, or has given up. */
interface Answered {
  readonly kind: 'answered'
  readonly id: number
  readonly isOk: boolean
  /** The status, or why there is none. */
  readonly outcome: string
}

/** A user's page was opened, closed by its own code, or ended from outside, when nothing of it runs any more. */
interface Lived {
  readonly kind: 'opened' | 'closed' | 'killed'
  readonly user: string
  readonly life: number
}

/** A listener leaves a room. */
interface Left {
  readonly kind: 'left'
  readonly listener: string
  readonly user: string
  readonly life: number
  readonly room: Room
}

/** A listener begins to follow a room. */
interface Followed {
  readonly kind: 'followed'
  readonly listener: string
  readonly user: string
  readonly life: number
  readonly room: Room
  /** What the user follows it with. */
  readonly by: 'library' | 'plain' | 'stream'
  /** Where it begins: at the stored position, at one that the app gives, or from now, which `load` has loaded. */
  readonly from: 'stored' | 'given' | 'load'
}

/** A listener is called with a notice. */
interface Told {
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
interface Handled {
  readonly kind: 'handled'
  readonly listener: string
  readonly life: number
  readonly offset: number
  readonly isDone: boolean
}

/** What was recalled until now has to be loaded: a gap was told, or `load` was called (`reason` is `load` then). */
interface GapTold {
  readonly kind: 'gap'
  readonly listener: string
  readonly life: number
  readonly room: Room
  readonly reason: string
}

/** What dealt with the gap, or `load`, has returned, or thrown. */
interface GapHandled {
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
interface Stored {
  readonly kind: 'stored'
  readonly user: string
  readonly life: number
  readonly room: Room
  readonly epoch: string
  readonly offset: number
}

/** The app has given up on a notice that its listener cannot handle: as if it had. */
interface Skipped {
  readonly kind: 'skipped'
  readonly listener: string
  readonly life: number
  readonly offset: number
}

/** What the client says of itself, or of the subscription of a listener. */
interface Said {
  readonly kind: 'state'
  readonly user: string
  readonly life: number
  /** Undefined: of the client as a whole. */
  readonly listener?: string
  readonly state: StateKind
  readonly code?: string
  readonly reason?: string
}

interface Refused {
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

/** A credential was signed for the user. */
interface Signed {
  readonly kind: 'token'
  readonly user: string
  readonly life: number
  /** In virtual time. In the past if the token endpoint gives one that has ended. */
  readonly endsAtMs: number
  readonly isAdmin: boolean
  /** What it grants; undefined if the app's backend is asked. */
  readonly rooms?: readonly Room[]
}

/** Whether the user may listen to the room from now on, as the app's backend decides. */
interface Granted {
  readonly kind: 'granted' | 'revoked'
  readonly user: string
  readonly room: Room
}

/** What the app's backend has answered to a node. */
interface Decided {
  readonly kind: 'verdict'
  readonly user: string
  readonly room: Room
  readonly isAllowed: boolean
  /** How long it holds from when it has arrived. */
  readonly forMs: number
}

/** The provider's callback that a member has left a group has its answer. */
interface Quit {
  readonly kind: 'quit'
  readonly user: string
  readonly group: string
  readonly isOk: boolean
}

/** An operator takes access away: to a room, or without one to everything. It may hold from here on. */
interface Ordered {
  readonly kind: 'ordered'
  readonly id: number
  readonly user: string
  readonly room?: Room
  readonly forMs: number
}

/** With `isOk`, it holds from here on, for as long as was ordered. */
interface OrderAnswered {
  readonly kind: 'order answered'
  readonly id: number
  readonly isOk: boolean
  readonly outcome: string
}

/** The provider says that a group was dismissed: what was recalled in it before is no longer. */
interface Dismissed {
  readonly kind: 'dismissed' | 'dismissal answered'
  readonly id: number
  readonly group: string
  /** When, in ms since 1970. */
  readonly dismissedAtMs: number
  /** Of the answer. */
  readonly isOk?: boolean
}

/** A fault begins, or has ended. */
interface Disturbed {
  readonly kind: 'fault' | 'fault over'
  readonly name: string
  /** Who is hit: `redis`, `user-1`, both ends of a line. Undefined: perhaps everybody. */
  readonly parts?: readonly string[]
  readonly detail?: unknown
}

/** From here on nothing disturbs the system any more. */
interface Restored {
  readonly kind: 'all faults over'
}

/** A process ended by an error that nothing caught. */
interface Crashed {
  readonly kind: 'crashed'
  readonly process: string
  readonly error: string
}

/** A process has logged an error, or a line with a secret in it, of which the level is `secret`. */
interface Logged {
  readonly kind: 'logged'
  readonly process: string
  readonly level: string
  readonly text: string
}

/** What was found at the end, when all had time to settle. */
interface Found {
  readonly kind: 'found'
  /** What the gateway says is recalled, of everything that was sent, by conversation; with the latest time. */
  readonly recalled: readonly {
    readonly group: string
    readonly topic?: string
    readonly messages: readonly { readonly seq: number; readonly atMs: number }[]
  }[]
  /** Recalls on the disks of receivers. */
  readonly spooled: number
  readonly processes: readonly FoundProcess[]
  /** What Redis holds for the gateway; undefined without Redis. */
  readonly redis?: { readonly connections: number; readonly channels: number }
}

/** A process of the gateway at the end. */
export interface FoundProcess {
  readonly name: string
  /** The status of /readyz; undefined if it did not answer. */
  readonly ready: number | undefined
  /** What /v1/status says is wrong, and with whom. */
  readonly problems: readonly string[]
  /** What it does with one more recall; undefined of those that receive none. */
  readonly stores?: 'directly' | 'on disk' | 'nothing'
  /** Timers and other events that wait. */
  readonly timers: number
  readonly connections: number
}

export type EntryOf<Kind extends Entry['kind']> = Narrowed<Entry, Kind>

/** Those of the entries that may be of this kind. */
type Narrowed<One extends Entry, Kind> = One extends unknown
  ? Extract<One['kind'], Kind> extends never
    ? never
    : One & { readonly kind: Extract<One['kind'], Kind> }
  : never

export class History {
  readonly entries: Entry[] = []
  readonly #nowMs: () => number

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
  }

  add(entry: WithoutTime<Entry>): void {
    this.entries.push({ atMs: Math.round(this.#nowMs() * 100) / 100, ...entry } as Entry)
  }

  of<Kind extends Entry['kind']>(kind: Kind): EntryOf<Kind>[] {
    return this.entries.filter((entry): entry is EntryOf<Kind> => entry.kind === kind)
  }
}

type WithoutTime<T> = T extends unknown ? Omit<T, 'atMs'> : never
