import { io } from 'socket.io-client'
import { Backoff } from '../backoff.ts'
import type { Goodbye, HandshakeRefusal, Refreshed, Refused } from '../protocol.ts'
import type { Refusal } from './api.ts'
import { gatewayAddress } from './address.ts'
import { expiryOf } from './credential.ts'
import type { Credential } from './credential.ts'
import { Requests } from './requests.ts'
import type { RecallSocket } from './requests.ts'
import { Silence } from './silence.ts'

/** Leaves time for a person to log in. */
const CREDENTIAL_TIMEOUT_MS = 30_000
/** Goodbyes with this code or a higher one mean: stay away until a person has acted. */
const FIRST_PERMANENT_GOODBYE = 4_500
/** A credential is refreshed when a fifth of its life is left, but no earlier than this before it expires. */
const REFRESH_BEFORE_MS = 60_000
const MIN_REFRESH_INTERVAL_MS = 1_000
/** A connection that ends sooner does not reset the backoff, so that a node that drops clients on arrival is not flooded. */
const STABLE_AFTER_MS = 1_000
const MAX_TIMER_MS = 2 ** 31 - 1

interface ConnectionOptions {
  /** As in `RecallClientOptions`. */
  readonly url: string | undefined
  /** Called before each connection, and before the credential it returned expires. */
  readonly credential: () => Credential | Promise<Credential>
  /** How long to wait for `credential` before the attempt counts as failed; 30 s by default. */
  readonly credentialTimeoutMs?: number
  readonly onConnect: () => void
  readonly onDisconnect: () => void
  readonly onGoodbye: (goodbye: Goodbye) => void
  /** Receives what `credential` threw, or that it timed out. It is called again later. */
  readonly onError: (error: unknown) => void
  /** `isConnected`, `refusal` or `hasFailed` may have changed. */
  readonly onChange: () => void
}

/** The connection to any node. Reconnects by itself until it is closed, or refused until a person acts. */
export class Connection {
  readonly socket: RecallSocket
  readonly silence: Silence
  readonly requests: Requests
  readonly #options: ConnectionOptions
  readonly #backoff = new Backoff()
  #refusal: Refusal | undefined
  /** The credential that was refused last, as JSON, and why. Another one may do. */
  #refused: { readonly credential: string; readonly refusal: Refusal } | undefined
  #hasFailed = false
  #isOpen = false
  /** Counts connection attempts and calls of `close`, so that work for an earlier attempt can tell that it is obsolete. */
  #attempt = 0
  #reconnectTimer: ReturnType<typeof setTimeout> | undefined
  #refreshTimer: ReturnType<typeof setTimeout> | undefined
  /** The delay before reconnecting, from the latest goodbye. */
  #retryInMs: number | undefined
  /** Undefined while not connected. */
  #connectedAtMs: number | undefined

  constructor(options: ConnectionOptions) {
    this.#options = options
    const { origin, path } = gatewayAddress(options.url)
    const settings = { transports: ['websocket'], autoConnect: false, reconnection: false, forceNew: true }
    this.socket = io(origin, { ...settings, path })
    this.silence = new Silence(this.socket.io)
    this.requests = new Requests(this.socket, this.silence)
    this.socket.on('connect', () => this.#onConnect())
    this.socket.on('connect_error', (error) => this.#onConnectError(error))
    this.socket.on('disconnect', () => this.#onDisconnect())
    this.socket.on('goodbye', (goodbye) => this.#onGoodbye(goodbye))
  }

  get isConnected(): boolean {
    return this.socket.connected
  }

  /** Why the gateway refuses this client until a person acts; undefined if it does not. */
  get refusal(): Refusal | undefined {
    return this.#refusal
  }

  /** Whether the latest attempt failed, or the latest connection was lost. */
  get hasFailed(): boolean {
    return this.#hasFailed
  }

  /** Connects with a new credential. If connected, reconnects. Clears the refusal. */
  open(): void {
    this.close()
    this.#isOpen = true
    this.#refusal = undefined
    this.#refused = undefined
    this.#hasFailed = false
    void this.#connect()
  }

  close(): void {
    this.#isOpen = false
    this.#attempt++
    clearTimeout(this.#reconnectTimer)
    clearTimeout(this.#refreshTimer)
    this.socket.disconnect()
  }

  async #connect(): Promise<void> {
    const attempt = ++this.#attempt
    try {
      const credential = await this.#getCredential()
      if (attempt !== this.#attempt) return
      if (this.#refused?.credential === JSON.stringify(credential)) return this.#refuse(this.#refused.refusal)
      this.socket.auth = credential
      this.#scheduleRefresh(expiryOf(credential))
      this.socket.connect()
      this.#watchOpening(attempt)
    } catch (error) {
      if (attempt !== this.#attempt) return
      this.#options.onError(error)
      this.#reconnectLater()
    }
  }

  async #getCredential(): Promise<Credential> {
    let timer: ReturnType<typeof setTimeout> | undefined
    const timeout = new Promise<never>((_, reject) => {
      const { credentialTimeoutMs: ms = CREDENTIAL_TIMEOUT_MS } = this.#options
      timer = setTimeout(() => reject(new Error(`no credential within ${ms / 1_000} s`)), ms)
    })
    try {
      return await Promise.race([this.#options.credential(), timeout])
    } finally {
      clearTimeout(timer)
    }
  }

  /** A connection that ends before its first packet, without an error, would be noticed by nothing but a timeout of 20 s. */
  #watchOpening(attempt: number): void {
    let isSettled = false
    const settle = (): void => void (isSettled = true)
    const { engine } = this.socket.io
    engine.once('open', settle)
    engine.once('error', settle)
    engine.once('close', () => {
      if (isSettled || attempt !== this.#attempt) return
      // Otherwise, it would count as still opening, and not be opened again.
      this.socket.disconnect()
      this.#reconnectLater()
    })
  }

  #onConnect(): void {
    this.#hasFailed = false
    this.#refused = undefined
    this.#retryInMs = undefined
    this.#connectedAtMs = Date.now()
    this.#options.onConnect()
    this.#options.onChange()
  }

  #onConnectError(error: Error & { readonly data?: Partial<HandshakeRefusal> }): void {
    const { code, retry = false } = error.data ?? {}
    // Without a code, no node was reached; the next attempt may reach another.
    if (code === undefined || retry) return this.#reconnectLater()
    const refusal = { code, message: error.message }
    if (code !== 'TOKEN_REFUSED' || this.#refused !== undefined) return this.#refuse(refusal)
    // Final for this token alone: it may have expired on its way, while the device slept. One other is tried.
    this.#refused = { credential: JSON.stringify(this.socket.auth), refusal }
    void this.#connect()
  }

  #onDisconnect(): void {
    // Also told of a connection that was never accepted.
    const wasStable = this.#connectedAtMs !== undefined && Date.now() - this.#connectedAtMs >= STABLE_AFTER_MS
    this.#connectedAtMs = undefined
    if (wasStable) this.#backoff.succeeded()
    clearTimeout(this.#refreshTimer)
    this.#options.onDisconnect()
    if (this.#isOpen && this.#refusal === undefined) this.#reconnectLater()
    this.#options.onChange()
  }

  #onGoodbye(goodbye: Goodbye): void {
    this.#options.onGoodbye(goodbye)
    if (goodbye.code >= FIRST_PERMANENT_GOODBYE)
      this.#refuse({ code: String(goodbye.code), message: goodbye.reason })
    else this.#retryInMs = goodbye.retryInMs
  }

  #refuse(refusal: Refusal): void {
    this.#refusal = refusal
    this.close()
    this.#options.onChange()
  }

  /** Reconnects after the delay that the node's goodbye gave, otherwise after a backoff. */
  #reconnectLater(): void {
    this.#hasFailed = true
    const afterMs = this.#retryInMs ?? this.#backoff.nextMs()
    this.#retryInMs = undefined
    clearTimeout(this.#reconnectTimer)
    this.#reconnectTimer = setTimeout(() => void this.#connect(), afterMs)
    this.#options.onChange()
  }

  #scheduleRefresh(expiresAtMs: number | undefined): void {
    clearTimeout(this.#refreshTimer)
    if (expiresAtMs === undefined) return
    const leftMs = expiresAtMs - Date.now()
    const inMs = leftMs - Math.min(REFRESH_BEFORE_MS, leftMs / 5)
    if (inMs < MIN_REFRESH_INTERVAL_MS || inMs > MAX_TIMER_MS) return
    this.#refreshTimer = setTimeout(() => void this.#refresh(expiresAtMs), inMs)
  }

  /** Continues with a new credential. Without one, tries again until the old one expires and the node sends a goodbye. */
  async #refresh(expiresAtMs: number): Promise<void> {
    const attempt = this.#attempt
    let nextExpiryMs: number | undefined
    try {
      const credential = await this.#getCredential()
      const response = await new Promise<Refreshed | Refused | undefined>((resolve) =>
        this.requests.send<Refreshed>((ack) => this.socket.emit('refresh', credential, ack), resolve),
      )
      if (response?.ok) nextExpiryMs = response.expiresAtMs
      else if (response?.retry === false) return
    } catch (error) {
      if (attempt === this.#attempt) this.#options.onError(error)
    }
    if (attempt === this.#attempt && this.isConnected) this.#scheduleRefresh(nextExpiryMs ?? expiresAtMs)
  }
}
