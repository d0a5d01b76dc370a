/** What an admin can do that changes something, or takes much along. */
type AuditAction =
  | 'disconnect'
  | 'access returned'
  | 'quarantine retry'
  | 'quarantine drop'
  | 'test recall'
  | 'folder given up'
  | 'export'
  | 'evidence'

/** An act of an admin. */
export interface AuditEntry {
  readonly id: string
  /** When it was done, in ms since 1970, by the clock of the process. */
  readonly atMs: number
  /** The id of the user who did it. */
  readonly admin: string
  /** The address from which the request came; see `TRUST_PROXY`. */
  readonly address: string
  readonly action: AuditAction
  /**
   * What it was done to: what the request asked for, and how many it concerned. Texts that are too long end with `…`. Of acts that are
   * recorded together, `acts` is how many they were, and `each` lists the details of the first of them.
   */
  readonly details: Readonly<Record<string, unknown>>
  /** `failed`: it is not known how much of it was done. */
  readonly result: 'done' | 'begun' | 'cancelled' | 'failed'
  /** The code of the error. Present if it failed. */
  readonly code?: string
}

/** `GET /v1/audit`. */
export interface AuditResponse {
  readonly ok: true
  /** The newest first. */
  readonly entries: readonly AuditEntry[]
  /**
   * How many records of this part nobody can read, such as those from before `REDIS_SIGNING_KEY` was set. Missing if there are none.
   */
  readonly unreadable?: number
  /** Continues with older ones. Missing if there are none. */
  readonly cursor?: string
}
