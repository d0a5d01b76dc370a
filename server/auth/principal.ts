import type { Conversation } from '../../shared/conversation.ts'

/** The user that a credential belongs to, and what the credential grants. */
export interface Principal {
  readonly id: string
  /** Admins may enter every room of the app, and see who recalled a message. */
  readonly role: 'admin' | 'member'
  /** Groups (with all their topics) and single topics. */
  readonly grants: readonly Conversation[]
  /** When the credential expires, in ms since 1970. */
  readonly expiresAtMs: number
}
