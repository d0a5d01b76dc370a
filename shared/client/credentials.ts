import type { Refusal } from './api.ts'
import { inTime } from './credential.ts'
import type { Credential } from './credential.ts'

interface CredentialsOptions {
  /** Throws if there is no valid one. */
  readonly ask: () => Promise<Credential>
  /** How long to wait for it before the attempt counts as failed; 30 s by default. */
  readonly timeoutMs?: number
  /** Whether `ask` always returns the same. */
  readonly isFixed?: boolean
}

/** What follows from a refusal: nothing until a person acts, or another credential is asked for, at once or after a backoff. */
export interface Verdict {
  readonly next: 'give-up' | 'ask-now' | 'ask-later'
  readonly refusal: Refusal
}

/** A credential, as JSON, and why it was refused. */
interface Refused {
  readonly text: string
  readonly refusal: Refusal
}

/**
 * Where a client's credentials come from, and what the gateway has said of them since the latest connection. One that has
 * expired, perhaps on its way or while the device slept, is never the end where another can be asked for: a valid one is only
 * a matter of time.
 */
export class Credentials {
  readonly #options: CredentialsOptions
  /** The latest that is invalid. One other is tried. */
  #invalid: Refused | undefined
  /** The first that has expired, until another was asked for in its place. */
  #expired: Refused | undefined
  #hasExpired = false

  constructor(options: CredentialsOptions) {
    this.#options = options
  }

  /** Rejects if there is none in time. */
  ask(): Promise<Credential> {
    return inTime(this.#options.ask, this.#options.timeoutMs)
  }

  /** The gateway has refused the credential. */
  judge(credential: Credential | undefined, refusal: Refusal): Verdict {
    const refused = { text: JSON.stringify(credential), refusal }
    if (refusal.code === 'TOKEN_EXPIRED' && this.#options.isFixed !== true) {
      if (this.#hasExpired) return { next: 'ask-later', refusal }
      this.#hasExpired = true
      this.#expired = refused
      return { next: 'ask-now', refusal }
    }
    if (refusal.code !== 'TOKEN_REFUSED' || this.#invalid !== undefined) return { next: 'give-up', refusal }
    this.#invalid = refused
    return { next: 'ask-now', refusal }
  }

  /**
   * Returns what is known of a credential that is about to be sent. One that has expired waits for the backoff and is sent
   * again: by the clock of another node, it may be valid.
   */
  known(credential: Credential): Verdict | undefined {
    const [text, invalid, expired] = [JSON.stringify(credential), this.#invalid, this.#expired]
    this.#expired = undefined
    if (invalid?.text === text) return { next: 'give-up', refusal: invalid.refusal }
    return expired?.text === text ? { next: 'ask-later', refusal: expired.refusal } : undefined
  }

  /** A person has acted, or the gateway has accepted a credential. */
  forget(): void {
    this.#invalid = undefined
    this.#expired = undefined
    this.#hasExpired = false
  }
}
