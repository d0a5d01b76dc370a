import type { Room } from '../../../shared/room.ts'

// What gives rights, and takes them away.

/** A credential was signed for the user. */
export interface Signed {
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
export interface Granted {
  readonly kind: 'granted' | 'revoked'
  readonly user: string
  readonly room: Room
}

/** What the app's backend has answered to a node. */
export interface Decided {
  readonly kind: 'verdict'
  readonly user: string
  readonly room: Room
  readonly isAllowed: boolean
  /** How long it holds from when it has arrived. */
  readonly forMs: number
}

/** An operator takes access away: to a room, or without one to everything. It may hold from here on. */
export interface Ordered {
  readonly kind: 'ordered'
  readonly id: number
  readonly user: string
  readonly room?: Room
  readonly forMs: number
}

/** With `isOk`, it holds from here on, for as long as was ordered. */
export interface OrderAnswered {
  readonly kind: 'order answered'
  readonly id: number
  readonly isOk: boolean
  readonly outcome: string
}
