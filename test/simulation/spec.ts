import type { Room } from '../../shared/room.ts'

/** Everything that will happen in a run, so that it can be repeated, and made shorter by leaving steps out. */
export interface Plan {
  readonly seed: number
  readonly shape: Shape
  readonly users: readonly UserSpec[]
  readonly steps: readonly Step[]
  /** When the last step may begin. */
  readonly activeMs: number
  /** A time of it in which next to nothing happens. */
  readonly night?: Night
}

export interface Night {
  readonly fromMs: number
  readonly lastsMs: number
}

/** How the gateway is set up. */
export interface Shape {
  readonly broker: 'redis' | 'embedded'
  /** Processes that receive and serve sockets. Without Redis, there is one, and no other. */
  readonly alls: number
  readonly receivers: number
  readonly nodes: number
  readonly historySize: number
  readonly latencyMs: number
  /** Whether it signs evidence, and so notes when each recall was first told. */
  readonly hasEvidenceKey: boolean
}

export interface UserSpec {
  readonly name: string
  /** What follows the rooms: the client of the project, `socket.io-client` alone, or streams of server-sent events. */
  readonly by: 'library' | 'plain' | 'stream'
  readonly role: 'admin' | 'member'
  /** Whether the token names the rooms of a member, or the app's backend is asked. */
  readonly access: 'token' | 'app'
  /** For how many seconds a yes of the backend holds; undefined: it does not say. */
  readonly grantS: number | undefined
  readonly rooms: readonly Room[]
  readonly listeners: readonly ListenerHabit[]
  readonly store: StoreHabit
  readonly tokens: TokenHabit
  readonly clockOffsetMs: number
  /** How much the line to the user carries; undefined: enough. */
  readonly bytesPerMs?: number
}

/** `failing` throws now and then, `torn` sometimes finds only a part of what was written. */
export type StoreHabit = 'memory' | 'session' | 'slow' | 'failing' | 'torn'

/** How the token endpoint of the app behaves. */
export interface TokenHabit {
  readonly lifeMs: number
  readonly delayMs: number
  /** At every so many calls it does that; 0: never. */
  readonly failsEvery: number
  readonly endedEvery: number
  readonly rubbishEvery: number
}

/** What a listener does with what it is told. Everything `Every`: at every so many calls; 0: never. */
export interface ListenerHabit {
  readonly name: string
  readonly room: Room
  /** How long it takes, in ms. */
  readonly tookMs: number
  /** It takes longer than the client waits in silence. */
  readonly slowEvery: number
  readonly throwsEvery: number
  /** It leaves, from inside or some ms later, and subscribes again. */
  readonly leavesEvery: number
  readonly returnsAfterMs: number
  /** It closes the client, and opens the page again. */
  readonly closesEvery: number
  /** It can never handle a notice with such a seq (every so many), and the app skips it. */
  readonly skipsEvery: number
  /** Its handler of gaps, or its `load`, fails. */
  readonly gapFailsEvery: number
  readonly begins: 'stored' | 'given' | 'load'
  /** At its first notice, it follows this room too. */
  readonly alsoFollows?: ListenerHabit
}

export type Step = RecallStep | UserStep | RightsStep | OrderStep | DismissStep | FaultStep

/** A call of the provider. */
export interface RecallStep {
  readonly kind: 'recall'
  readonly atMs: number
  readonly group: string
  readonly topic?: string
  readonly seqs: readonly number[]
  /** When it was recalled, if that is not now: the call is late, or repeats another. `untimed`: the call does not say. */
  readonly recalledAtMs?: number | 'untimed'
  /** Two receivers get the call. */
  readonly isTwice?: true
}

export interface UserStep {
  readonly kind: 'user'
  readonly atMs: number
  readonly user: number
  readonly what: 'kill' | 'close' | 'open' | 'hint'
}

/** The backend takes the user's right to a room, or gives it back. */
export interface RightsStep {
  readonly kind: 'rights'
  readonly atMs: number
  readonly user: number
  readonly room: Room
  readonly what: 'grant' | 'revoke'
  /** The provider tells the gateway that the member has left. */
  readonly isTold: boolean
}

/** An operator takes a user out of a room and what it carries, or without one out of everything. */
export interface OrderStep {
  readonly kind: 'order'
  readonly atMs: number
  readonly user: number
  readonly room?: Room
  readonly forS: number
}

/** The provider tells that a group was dismissed. */
export interface DismissStep {
  readonly kind: 'dismiss'
  readonly atMs: number
  readonly group: string
}

/** What a fault does is chosen by its own number, so that it stays the same when other steps are left out. */
export interface FaultStep {
  readonly kind: 'fault'
  readonly atMs: number
  readonly name: string
  readonly durationMs: number
  readonly choice: number
}
