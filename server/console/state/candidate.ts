import { Api, ApiError, asApiError } from './api.ts'
import type { Identity } from './identity.ts'

/** Until the gateway is asked again, after it has not answered. */
const RETRY_MS = 2_000
/** Nobody at the viewer's address gets an answer for a minute. */
const BLOCKED = 'TOO_MANY_FAILURES'
const BLOCKED_RETRY_MS = 60_000

/** Returns when to ask again whose a token is; undefined if the answer will not change. */
export function askAgainInMs({ code, isTransient }: ApiError): number | undefined {
  if (!isTransient || code === 'TOKEN_EXPIRED') return undefined
  return code === BLOCKED ? BLOCKED_RETRY_MS : RETRY_MS
}

/**
 * A token that may take the place of the one in use. The gateway is asked whose it is, until it says so or refuses it: anybody can write
 * a token that claims to be of whomever, so its claims decide nothing.
 */
export class Candidate {
  readonly token: string
  identity: Identity | undefined
  /** Why the gateway refuses it. */
  failure: ApiError | undefined
  readonly #api: Api
  readonly #onChange: () => void
  #retry: ReturnType<typeof setTimeout> | undefined
  #isStopped = false

  /** `onChange` is called once, unless it is stopped before. */
  constructor(token: string, onChange: () => void) {
    this.token = token
    this.#api = new Api(() => token)
    this.#onChange = onChange
    void this.#ask()
  }

  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#retry)
  }

  async #ask(): Promise<void> {
    const answer = await this.#api.whoami().catch(asApiError)
    if (this.#isStopped) return
    if (answer instanceof ApiError) {
      // A node of an earlier version cannot tell. The token in use goes on until one can.
      const retryMs = answer.code === 'NOT_FOUND' ? RETRY_MS : askAgainInMs(answer)
      if (retryMs !== undefined) {
        this.#retry = setTimeout(() => void this.#ask(), retryMs)
        return
      }
      this.failure = answer
    } else this.identity = answer
    this.#onChange()
  }
}
