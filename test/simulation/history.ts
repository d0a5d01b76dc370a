import type { Crashed, Disturbed, Found, Logged, ProcessEnded, Restored, Skewed } from './history/gateway.ts'
import type { EvidenceTaken } from './history/evidence.ts'
import type { Answered, Dismissed, Quit, Sent } from './history/provider.ts'
import type { Decided, Granted, OrderAnswered, Ordered, Signed } from './history/rights.ts'
import type {
  Ended,
  Followed,
  GapHandled,
  GapTold,
  Handled,
  Left,
  Lived,
  Refused,
  Said,
  Skipped,
  Stored,
  Told,
} from './history/users.ts'

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
  | ProcessEnded
  | Skewed
  | Restored
  | Crashed
  | Logged
  | EvidenceTaken
  | Found
)

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
  #isCalm = false

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
  }

  add(entry: WithoutTime<Entry>): void {
    if (entry.kind === 'all faults over') this.#isCalm = true
    this.entries.push({ atMs: Math.round(this.#nowMs() * 100) / 100, ...entry } as Entry)
  }

  /** Whether the last fault is over. */
  get isCalm(): boolean {
    return this.#isCalm
  }

  of<Kind extends Entry['kind']>(kind: Kind): EntryOf<Kind>[] {
    return this.entries.filter((entry): entry is EntryOf<Kind> => entry.kind === kind)
  }
}

type WithoutTime<T> = T extends unknown ? Omit<T, 'atMs'> : never
