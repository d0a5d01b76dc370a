import type { Conversation } from '../../shared/recall.ts'

/** Who a socket has proved to be, and what that grants until when. */
export interface Principal {
  readonly id: string
  /** An admin may be in every room of the app, and sees who recalled. */
  readonly role: 'admin' | 'member'
  /** Groups (with all their topics) and single topics that the credential grants. */
  readonly grants: readonly Conversation[]
  /** When the credential ends, in ms since 1970. */
  readonly expiresAtMs: number
}
