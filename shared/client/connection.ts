import { io } from 'socket.io-client'
import type { Socket } from 'socket.io-client'
import type {
  ClientToServer,
  Goodbye,
  HandshakeRefusal,
  Refreshed,
  Refused,
  ServerToClient,
} from '../protocol.ts'
import { Backoff } from '../backoff.ts'
import { endOf } from './credential.ts'
import type { Credential } from './credential.ts'
import type { Refusal } from './api.ts'

/** An answer that is not there by then is not coming. */
export const ANSWER_TIMEOUT_MS = 5_000
/** People who have to log in first take a while. */
const CREDENTIAL_TIMEOUT_MS = 30_000
/** Goodbyes from here on mean: stay away until a person has done something. */
const STAY_AWAY_FROM = 4_500
/** Another credential is asked for in the last fifth of the life of one, at most so long before its end. */
const REFRESH_BEFORE_MS = 60_000
const MIN_REFRESH_INTERVAL_MS = 1_000
/** A connection that ends sooner did not help: coming back from it waits longer each time. */
const HOLDS_AFTER_MS = 1_000
const MAX_TIMER_MS = 2 ** 31 - 1

export type RecallSocket = Socket<ServerToClient, ClientToServer>

interface ConnectionOptions {
  readonly url: string | undefined
  /** Asked before each connection, and before what it gave ends. */
  readonly credential: () => Credential | Promise<Credential>
  /** One that is not there by then is asked for again, later. */
  readonly credentialWithinMs?: number
  readonly onConnect: () => void
  readonly onDisconnect: () => void
  readonly onGoodbye: (goodbye: Goodbye) => void
  /** What `credential` threw, or that it gave nothing in time; it is asked again. */
  readonly onError: (error: unknown) => void
  /** `isConnected`, `refusal` or `hasFailed` may have changed. */
  readonly onChange: () => void
}

/** The connection to any node: comes back by itself, unless it is refused in a way that a person must mend. */
export class Connection {
  readonly socket: RecallSocket
  readonly #options: ConnectionOptions
  readonly #backOff = new Backoff()
  #refusal: Refusal | undefined
  #hasFailed = false
  #isWanted = false
  /** Counts the calls of `open`, so that only the latest goes on. */
  #opening = 0
  #comeBack: ReturnType<typeof setTimeout> | undefined
  #refresh: ReturnType<typeof setTimeout> | undefined
  #retryInMs: number | undefined
  #connectedAtMs = 0

  constructor(options: ConnectionOptions) {
    this.#options = options
    const settings = { transports: ['websocket'], autoConnect: false, reconnection: false, forceNew: true }
    this.socket = options.url === undefined ? io(settings) : io(options.url, settings)
    this.socket.on('connect', () => this.#onConnect())
    this.socket.on('connect_error', (error) => this.#onConnectError(error))
    this.socket.on('disconnect', () => this.#onDisconnect())
    this.socket.on('goodbye', (goodbye) => this.#onGoodbye(goodbye))
  }

  get isConnected(): boolean {
    return this.socket.connected
  }

  /** Why the gateway does not want to see this client again. */
  get refusal(): Refusal | undefined {
    return this.#refusal
  }

  /** Whether the last try, or the connection, came to an end. */
  get hasFailed(): boolean {
    return this.#hasFailed
  }

  /** Connects with a new credential, also when connected or refused. */
  open(): void {
    this.close()
    this.#isWanted = true
    this.#refusal = undefined
    this.#hasFailed = false
    void this.#connect()
  }

  close(): void {
    this.#isWanted = false
    this.#opening++
    clearTimeout(this.#comeBack)
    clearTimeout(this.#refresh)
    this.socket.disconnect()
  }

  async #connect(): Promise<void> {
    const opening = ++this.#opening
    try {
      const credential = await this.#credential()
      if (opening !== this.#opening) return
      this.socket.auth = credential
      this.#refreshBefore(endOf(credential))
      this.socket.connect()
    } catch (error) {
      if (opening !== this.#opening) return
      this.#options.onError(error)
      this.#fail()
    }
  }

  async #credential(): Promise<Credential> {
    let timer: ReturnType<typeof setTimeout> | undefined
    const tooLate = new Promise<never>((_, reject) => {
      const { credentialWithinMs: ms = CREDENTIAL_TIMEOUT_MS } = this.#options
      timer = setTimeout(() => reject(new Error(`no credential came in ${ms / 1_000} s`)), ms)
    })
    try {
      return await Promise.race([this.#options.credential(), tooLate])
    } finally {
      clearTimeout(timer)
    }
  }

  #onConnect(): void {
    this.#hasFailed = false
    this.#connectedAtMs = Date.now()
    this.#options.onConnect()
    this.#options.onChange()
  }

  #onConnectError(error: Error & { readonly data?: Partial<HandshakeRefusal> }): void {
    const { code, retry = false } = error.data ?? {}
    // Without a code, the node was not reached: another may be.
    if (code === undefined || retry) return this.#fail()
    this.#refuse({ code, message: error.message })
  }

  #onDisconnect(): void {
    if (Date.now() - this.#connectedAtMs >= HOLDS_AFTER_MS) this.#backOff.succeeded()
    clearTimeout(this.#refresh)
    this.#options.onDisconnect()
    if (this.#isWanted && this.#refusal === undefined) this.#fail()
    this.#options.onChange()
  }

  #onGoodbye(goodbye: Goodbye): void {
    this.#options.onGoodbye(goodbye)
    if (goodbye.code >= STAY_AWAY_FROM) this.#refuse({ code: String(goodbye.code), message: goodbye.reason })
    else this.#retryInMs = goodbye.retryInMs
  }

  #refuse(refusal: Refusal): void {
    this.#refusal = refusal
    this.close()
    this.#options.onChange()
  }

  /** Comes back later: when the node said, or after a while that grows. */
  #fail(): void {
    this.#hasFailed = true
    const afterMs = this.#retryInMs ?? this.#backOff.nextMs()
    this.#retryInMs = undefined
    clearTimeout(this.#comeBack)
    this.#comeBack = setTimeout(() => void this.#connect(), afterMs)
    this.#options.onChange()
  }

  #refreshBefore(endsAtMs: number | undefined): void {
    clearTimeout(this.#refresh)
    if (endsAtMs === undefined) return
    const leftMs = endsAtMs - Date.now()
    const inMs = leftMs - Math.min(REFRESH_BEFORE_MS, leftMs / 5)
    if (inMs < MIN_REFRESH_INTERVAL_MS || inMs > MAX_TIMER_MS) return
    this.#refresh = setTimeout(() => void this.#askForMore(endsAtMs), inMs)
  }

  /** Goes on with another credential. If there is none, this is tried again until the old one ends, with a goodbye. */
  async #askForMore(endsAtMs: number): Promise<void> {
    const opening = this.#opening
    let nextEndMs: number | undefined
    try {
      const credential = await this.#credential()
      const answer = (await this.socket
        .timeout(ANSWER_TIMEOUT_MS)
        .emitWithAck('refresh', credential)
        .catch(() => undefined)) as Refreshed | Refused | undefined
      if (answer?.ok) nextEndMs = answer.expiresAtMs
      else if (answer?.retry === false) return
    } catch (error) {
      if (opening === this.#opening) this.#options.onError(error)
    }
    if (opening === this.#opening && this.isConnected) this.#refreshBefore(nextEndMs ?? endsAtMs)
  }
}
