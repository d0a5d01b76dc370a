import type { ErrorCode } from './errors.ts'
import type { MemberNotice, Notice } from './notice.ts'
import type { GapReason, Position } from './position.ts'
import type { Room } from './room.ts'

/**
 * The responses of the HTTP API, as JSON. `openapi.yaml` describes the requests, and when each response is sent. `GET
 * /v1/recalled` returns the `RecalledResponse` of the socket protocol.
 */

/** `GET /v1/position`. */
export interface PositionResponse {
  readonly ok: true
  readonly room: Room
  readonly position: Position
  /** Sockets and streams in the room on this node. Present for admins. */
  readonly sockets?: number
}

/** `GET /v1/notices`. */
export interface NoticesResponse {
  readonly ok: true
  readonly room: Room
  /** Oldest first. Admins get `Notice`, members `MemberNotice`. */
  readonly notices: readonly (Notice | MemberNotice)[]
  /** Where to continue, with `since`: the position of the last notice, or after a gap the current position of the room. */
  readonly position: Position
  /** Whether the log continues after `position`. */
  readonly more: boolean
  /** Whether the log holds notices before the first one here. Present when the log was read backwards. */
  readonly older?: boolean
  /** How many entries were passed over because nobody can read them. Missing if none were, and unless the log was read backwards. */
  readonly unreadable?: number
  /** The notices after `since` are no longer available. */
  readonly gap?: GapReason
}

/** `GET /v1/status`. */
export interface StatusResponse {
  readonly ok: true
  /** Whether admins may send test recalls here. */
  readonly testRecalls: boolean
  /** The id of the process that responded. */
  readonly self: string
  /** False if the other processes could not be asked: `nodes` holds only the one that responded, `incomplete` says why. */
  readonly complete: boolean
  readonly incomplete?: string
  /** What needs attention, the worst first; empty if all is well. */
  readonly problems: readonly Problem[]
  readonly nodes: readonly ProcessState[]
  /**
   * Processes that reported within the last ten minutes and no longer do; and for a month those that took webhooks and vanished, until
   * another process has taken over their data folders, or somebody has said that these are lost.
   */
  readonly gone: readonly GoneProcess[]
}

/** What is wrong with the app's gateway as a whole, or with one process. */
export interface Problem {
  /** `critical`: recalls are lost or not told now, or will be. `warning`: somebody should look at it. */
  readonly severity: 'critical' | 'warning'
  /** Such as `NO_RECEIVER`; `operations.md` lists them. */
  readonly code: string
  /** One sentence for people: what is wrong, and what to do about it. */
  readonly message: string
  /** The process that it is about; missing if it is about all. */
  readonly processId?: string
}

export interface GoneProcess {
  readonly id: string
  readonly role: ProcessState['role']
  /** Where it ran; missing if it did not say. */
  readonly host?: string
  readonly startedAtMs: number
  /** When its last heartbeat was sent, in ms since 1970. */
  readonly lastReportAtMs: number
  /** Whether it said that it was stopping. */
  readonly stopped: boolean
  /** Recalls on its disk, by its last heartbeat. */
  readonly spooledRecalls: number
  /** Missing if it stored nothing on disk. */
  readonly dataFolder?: string
}

/** Whether notices are proved to arrive at a process that serves sockets; see `Delivery` in `protocol.ts`. */
export type DeliveryState =
  { readonly proved: true } | { readonly proved: false; readonly doubtMs: number; readonly reason: string }

/** Webhooks that a receiver answered in the last five minutes, without test recalls and those of the command line. */
export interface WebhookState {
  readonly ok: number
  /** By error code: the caller is to blame. At most eight codes; the others are counted as `OTHER`. */
  readonly refused: Readonly<Record<string, number>>
  /** By error code: the gateway is to blame. */
  readonly failed: Readonly<Record<string, number>>
  /** How long ago the last one was answered with OK, in ms; null if none was since the process started. */
  readonly lastOkAgeMs: number | null
  /** How many in a row were refused since the last OK, however long ago. A call that is not a POST does not count. */
  readonly refusedInARow: number
  /** How long ago the first of these came, in ms; null if there are none. */
  readonly refusedForMs: number | null
  /** How long ago the last one failed, in ms; null if none has within the five minutes. */
  readonly lastFailedAgeMs: number | null
}

/**
 * What a power cut would take away of what the store had confirmed: the last `seconds`, `minutes` or more of it, or all of it.
 * `unknown` if the store does not tell.
 */
export type PowerCutLoss = 'nothing' | 'seconds' | 'minutes' | 'everything' | 'unknown'

export interface RelayState {
  /** Webhooks that wait for the backend on disk, and since when the oldest does. */
  readonly requests: number
  readonly bytes: number
  readonly ageMs: number
  /** Whether it has failed so often that only single requests are sent, to find out whether it is back. */
  readonly isDown: boolean
}

/** The state of a process of the app, from its latest heartbeat. Counts start with the process. */
export interface ProcessState {
  /** Chosen at random when the process starts. */
  readonly id: string
  readonly role: 'all' | 'receiver' | 'node'
  /** The name of its host, or container. Missing for a process of an earlier version, like `version`. */
  readonly host?: string
  /** The version of the gateway, such as `0.1.0`. */
  readonly version?: string
  readonly startedAtMs: number
  /** When the heartbeat was sent, in ms since 1970. */
  readonly reportedAtMs: number
  readonly ready: boolean
  /** It is stopping: it sends its sockets to other nodes, and still takes webhooks. */
  readonly draining?: true
  /** The id of its data folder, chosen at random: a process that takes over a folder has the id of its predecessor. */
  readonly dataFolder?: string
  readonly sockets: number
  readonly rooms: number
  /** Time since a probe last proved that notices arrive at the process. */
  readonly probeAgeMs: number
  /** What waits for slow peers, and since when new sockets are refused because it is too much. Missing in earlier versions. */
  readonly memory?: {
    readonly waitingBytes: number
    readonly budgetBytes: number
    readonly pressedMs: number
  }
  /** Missing for a process that serves no sockets. */
  readonly delivery?: DeliveryState
  /**
   * How often sockets of a room were sent a gap because what Redis holds of it could not be read, until that has not happened for five
   * minutes, and how long ago the latest was. Missing if there is none.
   */
  readonly unreadable?: { readonly count: number; readonly ageMs: number }
  /** Missing for a process that receives no webhooks. */
  readonly webhooks?: WebhookState
  /** Why it is not ready; empty when it is. */
  readonly reasons: readonly string[]
  /** What an operator should know although it is ready, such as a Redis that does not persist. */
  readonly warnings: readonly string[]
  /** Missing for a process of an earlier version. */
  readonly powerCut?: PowerCutLoss
  /**
   * Recalls on disk that the broker has not confirmed. `full`: there was no room for the latest one, and nothing has left the disk since.
   * Missing for a process without a spool.
   */
  readonly spool?: {
    readonly recalls: number
    readonly bytes: number
    readonly ageMs: number
    readonly full?: true
  }
  /** Requests in the quarantine. Missing for a process without one. */
  readonly quarantined?: number
  /** How the relay to the app's backend is. Missing for a process without one. */
  readonly relay?: RelayState
  readonly counts: {
    readonly webhooksOk: number
    readonly webhooksRefused: number
    readonly kept: number
    readonly delivered: number
  }
  /** From the webhook to the sockets, over the last minute; null if nothing was delivered. */
  readonly latencyMs: { readonly p50: number | null; readonly p99: number | null }
}

/** `POST /v1/disconnect`. */
export interface DisconnectResponse {
  readonly ok: true
  /** When access returns, in ms since 1970. */
  readonly untilMs: number
}

/** `POST /v1/test-recall`. */
export interface TestRecallResponse {
  readonly ok: true
  /** The notice's position in each room; empty if the recall was a repeat or is in the spool. */
  readonly positions: readonly { readonly room: Room; readonly position: Position }[]
  /** Whether it went through the door of a receiver, signed like a webhook of the provider. */
  readonly throughReceiver: boolean
  /** Why it did not. */
  readonly note?: string
}

/** Any response with a status other than 200. */
export interface ErrorResponse {
  readonly code: ErrorCode
  readonly message: string
  /** Whether the same request may succeed later: not before the seconds in the header `Retry-After`. */
  readonly retry: boolean
}
