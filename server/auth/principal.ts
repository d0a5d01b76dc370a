import type { Conversation } from '../../shared/conversation.ts'
import type { RoleClaim } from '../../shared/http-api/identity.ts'

/** The user that a credential belongs to, and what the credential grants. */
export interface Principal {
  readonly id: string
  /** Admins may enter every room of the app, and see who recalled a message. */
  readonly role: 'admin' | 'member'
  /** Why a token makes no admin, if settings name the claim that could. */
  readonly roleClaim?: RoleClaim
  /** Groups (with all their topics) and single topics. */
  readonly grants: readonly Conversation[]
  /** When the credential expires, in ms since 1970. */
  readonly expiresAtMs: number
}
