import type { Room } from '../../../shared/room.ts'

/** What a client said of itself from this moment on. */
export interface Claim {
  readonly atMs: number
  readonly kind: string
}

/** What happened to one listener of a real client, over all lives of the client. Times are those of `performance.now()`. */
export interface TruthRecord {
  /** For messages. */
  readonly name: string
  readonly room: Room
  /** The states of its client, each from its moment on. */
  readonly claims: readonly Claim[]
  /** When it listened to the room. The last of them may not have ended. */
  readonly followed: readonly Span[]
  /** A notice counts as told once the listener has returned for it. */
  readonly told: readonly Told[]
  /** When a gap of its room was told. */
  readonly gaps: readonly number[]
  /** When nothing came through the connection of its client although it was open. */
  readonly stalls: readonly Span[]
  /** Whether what it returned for in the moment in which its client was killed may be told again: the store is slower. */
  readonly mayRepeatAfterKill?: boolean
}

export interface Span {
  readonly fromMs: number
  toMs?: number
}

export interface Told {
  /** When the listener was called, and when it returned. */
  readonly calledAtMs: number
  readonly atMs: number
  readonly seq: number
  /** The listener had left by the time it returned, or its client was closed. It may be told the notice again, or not. */
  readonly isLate: boolean
}
