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
  | Told
  | Handled
  | GapTold
  | Said
  | Refused
  | Granted
  | Disturbed
  | Restored
  | Crashed
  | Found
)

/** The provider has called the webhook. */
export interface Sent {
  readonly kind: 'sent'
  readonly id: number
  readonly group: string
  readonly topic?: string
  readonly seqs: readonly number[]
  /** The provider's time of the recall, in ms since 1970. */
  readonly recalledAtMs: number
}

/** The provider has an answer, or has given up. */
export interface Answered {
  readonly kind: 'answered'
  readonly id: number
  readonly isOk: boolean
  /** The status, or why there is none. */
  readonly outcome: string
}

/** A user's page was opened, closed by its own code, or ended from outside, when nothing of it runs any more. */
export interface Lived {
  readonly kind: 'opened' | 'closed' | 'killed'
  readonly user: string
  readonly life: number
}

/** A listener begins to follow a room, or leaves it. */
export interface Followed {
  readonly kind: 'followed' | 'left'
  readonly listener: string
  readonly user: string
  readonly life: number
  readonly room: Room
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

export interface GapTold {
  readonly kind: 'gap'
  readonly listener: string
  readonly life: number
  readonly room: Room
  readonly reason: string
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
  readonly room: Room
  readonly code: string
  readonly retry: boolean
}

/** Whether the user may listen to the room from now on, as the app's backend decides. */
export interface Granted {
  readonly kind: 'granted' | 'revoked'
  readonly user: string
  readonly room: Room
}

/** A fault begins, or has ended. */
export interface Disturbed {
  readonly kind: 'fault' | 'fault over'
  readonly name: string
  readonly detail?: unknown
}

/** From here on nothing disturbs the system any more. */
export interface Restored {
  readonly kind: 'all faults over'
}

/** A process ended by an error that nothing caught. */
export interface Crashed {
  readonly kind: 'crashed'
  readonly process: string
  readonly error: string
}

/** What was found at the end, when all had time to settle. */
export interface Found {
  readonly kind: 'found'
  /** Recalled seqs, by conversation, as the gateway says. */
  readonly recalled: readonly {
    readonly group: string
    readonly topic?: string
    readonly seqs: readonly number[]
  }[]
  /** Recalls on the disks of receivers. */
  readonly spooled: number
  readonly sizes: Readonly<Record<string, number>>
}

export type EntryOf<Kind extends Entry['kind']> = Extract<Entry, { readonly kind: Kind }>

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
