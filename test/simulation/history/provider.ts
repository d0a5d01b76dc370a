// What the provider writes down of its calls.

/** The provider has called the webhook. */
export interface Sent {
  readonly kind: 'sent'
  readonly id: number
  readonly group: string
  readonly topic?: string
  readonly seqs: readonly number[]
  /** The provider's time of the recall, in ms since 1970. */
  readonly recalledAtMs: number
  /** The call names no time; `recalledAtMs` is then when it was sent. */
  readonly isUntimed?: true
}

/** The provider has an answer, or has given up. */
export interface Answered {
  readonly kind: 'answered'
  readonly id: number
  readonly isOk: boolean
  /** The status, or why there is none. */
  readonly outcome: string
}

/** The provider's callback that a member has left a group has its answer. */
export interface Quit {
  readonly kind: 'quit'
  readonly sentAtMs: number
  readonly user: string
  readonly group: string
  readonly isOk: boolean
}

/** The provider says that a group was dismissed: what was recalled in it before is no longer. */
export interface Dismissed {
  readonly kind: 'dismissed' | 'dismissal answered'
  readonly id: number
  readonly group: string
  /** When, in ms since 1970. */
  readonly dismissedAtMs: number
  /** Of the answer. */
  readonly isOk?: boolean
}
