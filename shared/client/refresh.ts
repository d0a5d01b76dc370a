import { Backoff } from '../backoff.ts'
import type { Refreshed, Refused } from '../protocol.ts'
import type { ClientError } from './api.ts'
import { MAX_TIMER_MS, stopwatch } from './clocks.ts'
import { CredentialError, expiryOf, isForAnother, isNoNewer } from './credential.ts'
import type { Credential } from './credential.ts'
import type { Requests, RecallSocket } from './requests.ts'

/** A credential is refreshed when a fifth of its life is left, but no earlier than this before it expires. */
const REFRESH_BEFORE_MS = 60_000
const MIN_INTERVAL_MS = 1_000

interface RefreshOptions {
  readonly socket: RecallSocket
  readonly requests: Requests
  /** Asks for a credential. Rejects if there is none in time. */
  readonly ask: () => Promise<Credential>
  /** The node has accepted a new credential. */
  readonly onRefreshed: () => void
  /** There is no new credential, or the node refuses it. The next attempt follows by itself. */
  readonly onError: (error: ClientError) => void
  /** The new credential is for another user or role, which takes another connection. */
  readonly onAnother: (credential: Credential) => void
}

/** Continues a connection with a new credential before the old one expires. One connection at a time. */
export class Refresh {
  readonly #options: RefreshOptions
  readonly #backoff = new Backoff()
  #failures = 0
  /** Its identity also tells whether work is for an earlier connection. */
  #inUse: Credential | undefined
  /** Of the credential in use. */
  #leftMs = (): number => Infinity
  /** When so much is left, the next attempt is due. */
  #dueAtLeftMs = 0
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(options: RefreshOptions) {
    this.#options = options
  }

  /** A connection opens with this credential. Until the node says when it expires, the credential itself does. */
  begin(credential: Credential): void {
    this.stop()
    this.#inUse = credential
    const expiresAtMs = expiryOf(credential)
    if (expiresAtMs !== undefined) this.expiresIn(expiresAtMs - Date.now())
  }

  /** When the credential in use expires, in ms from now. */
  expiresIn(ms: number): void {
    const elapsedMs = stopwatch()
    this.#leftMs = () => ms - elapsedMs()
    this.#backoff.succeeded()
    this.#failures = 0
    this.#schedule(ms - Math.min(REFRESH_BEFORE_MS, ms / 5))
  }

  /** Looks now whether the next attempt is due: the device may have slept. */
  check(): void {
    const inUse = this.#inUse
    if (inUse === undefined || this.#timer === undefined) return
    const inMs = this.#leftMs() - this.#dueAtLeftMs
    this.#cancel()
    if (inMs > 0) this.#timer = setTimeout(() => this.check(), Math.min(inMs, MAX_TIMER_MS))
    else void this.#refresh(inUse)
  }

  /** The connection has ended. */
  stop(): void {
    this.#cancel()
    this.#inUse = undefined
  }

  #cancel(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** Returns whether there is time for it. Without, the node ends the connection, and the next one has a new credential. */
  #schedule(inMs: number): boolean {
    this.#cancel()
    if (inMs < MIN_INTERVAL_MS || inMs >= this.#leftMs()) return false
    this.#dueAtLeftMs = this.#leftMs() - inMs
    this.#timer = setTimeout(() => this.check(), Math.min(inMs, MAX_TIMER_MS))
    return true
  }

  async #refresh(inUse: Credential): Promise<void> {
    const isObsolete = (): boolean => this.#inUse !== inUse
    const { ask, onAnother, requests, socket } = this.#options
    try {
      const credential = await ask()
      if (isObsolete()) return
      if (isForAnother(credential, inUse)) {
        this.#tell(
          new CredentialError(
            'the new credential is for another user or role: the client reconnects with it',
          ),
          0,
        )
        return isObsolete() ? undefined : onAnother(credential)
      }
      // Not an error: a cache may keep a token until it is nearly over.
      if (isNoNewer(credential, inUse)) return void this.#retry()
      const response = await new Promise<Refreshed | Refused | undefined>((resolve) =>
        requests.send<Refreshed>((ack) => socket.emit('refresh', credential, ack), resolve),
      )
      if (isObsolete()) return
      if (response?.ok) {
        this.#inUse = credential
        this.expiresIn(response.expiresInMs ?? response.expiresAtMs - Date.now())
        this.#options.onRefreshed()
      } else if (response?.retry === false || response?.code === 'TOKEN_EXPIRED') {
        throw new Error(`the gateway refuses the new credential: ${response.message}`)
      } else this.#retry()
    } catch (error) {
      if (isObsolete()) return
      this.#tell(error, this.#retry())
    }
  }

  #tell(error: unknown, retryInMs: number | undefined): void {
    const retry = retryInMs === undefined ? {} : { retryInMs }
    this.#options.onError({ source: 'getToken', error, attempt: ++this.#failures, ...retry })
  }

  #retry(): number | undefined {
    const inMs = Math.max(MIN_INTERVAL_MS, this.#backoff.nextMs())
    return this.#schedule(inMs) ? inMs : undefined
  }
}
