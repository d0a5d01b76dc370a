// What happens to the gateway, what it logs, and how it is at the end.

/** A fault begins, or has ended. */
export interface Disturbed {
  readonly kind: 'fault' | 'fault over'
  readonly name: string
  /** The only user who is hit. Undefined: perhaps everybody. */
  readonly user?: string
  readonly detail?: unknown
}

/** A process of the gateway has ended, however: some time after it was told to stop, or at once. */
export interface ProcessEnded {
  readonly kind: 'process ended'
  readonly process: string
}

/** The clock of a process is off by so much from here on, until the last fault is over or the process ends. */
export interface Skewed {
  readonly kind: 'clock'
  readonly process: string
  readonly offsetMs: number
}

/** From here on nothing disturbs the system any more; every clock is right. */
export interface Restored {
  readonly kind: 'all faults over'
}

/** A process ended by an error that nothing caught. */
export interface Crashed {
  readonly kind: 'crashed'
  readonly process: string
  readonly error: string
}

/** A process has logged an error, or a line with a secret in it, of which the level is `secret`. */
export interface Logged {
  readonly kind: 'logged'
  readonly process: string
  readonly level: string
  readonly text: string
}

/** What was found at the end, when all had time to settle. */
export interface Found {
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
