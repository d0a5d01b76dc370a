import type { Goodbye, HandshakeRefusal, Hello, SubscribeRequest } from '../protocol.ts'
import type { Room } from '../room.ts'
import type { ClientError, Refusal } from './api.ts'
import { gatewayAddress } from './address.ts'
import { stopwatch } from './clocks.ts'
import { CredentialError, credentialReason } from './credential.ts'
import type { Credential } from './credential.ts'
import type { Credentials, Verdict } from './credentials.ts'
import { DeliveryDoubts } from './delivery.ts'
import { Diagnosis } from './diagnosis.ts'
import { listenToEnvironment } from './environment.ts'
import { explainDisconnect, SILENT } from './failure.ts'
import type { Failure } from './failure.ts'
import { createSocket, Opening } from './opening.ts'
import { Reconnection } from './reconnection.ts'
import { Refresh } from './refresh.ts'
import { Requests } from './requests.ts'
import type { RecallSocket } from './requests.ts'
import { Silence } from './silence.ts'

/** Goodbyes with this code or a higher one mean: stay away until a person has acted. */
const FIRST_PERMANENT_GOODBYE = 4_500
/** A connection that ends sooner does not reset the backoff, so that a node that drops clients on arrival is not flooded. */
const STABLE_AFTER_MS = 1_000
/** An attempt that is older than this when the device is back began before it slept. */
const FRESH_MS = 5_000

interface ConnectionOptions {
  /** As in `RecallClientOptions`. */
  readonly url: string | undefined
  /** Asked before each connection, and before the credential that it returned expires. */
  readonly credentials: Credentials
  /** Returns the subscribe requests that go ahead with a handshake, beside this `auth`. */
  readonly offer: (auth: object) => readonly SubscribeRequest[]
  readonly onConnect: () => void
  readonly onDisconnect: () => void
  /** The connection goes on with another credential. */
  readonly onRefreshed: () => void
  /** The node no longer doubts that it delivers everything, or everything of these rooms. */
  readonly onProved: (rooms?: readonly Room[]) => void
  readonly onGoodbye: (goodbye: Goodbye) => void
  /** The client retries by itself. */
  readonly onError: (error: ClientError) => void
  /** `isConnected`, `refusal`, `failure`, `retryAtMs` or `delivery` may have changed. */
  readonly onChange: () => void
}

/** The connection to any node. Reconnects by itself until it is closed, or refused until a person acts. */
export class Connection {
  readonly socket: RecallSocket
  readonly silence = new Silence()
  readonly requests: Requests
  readonly delivery: DeliveryDoubts
  readonly #options: ConnectionOptions
  readonly #credentials: Credentials
  readonly #opening: Opening
  readonly #reconnection: Reconnection
  readonly #diagnosis: Diagnosis
  readonly #refresh: Refresh
  readonly #stopListening: () => void
  #isClosed = false
  #isOpen = false
  #refusal: Refusal | undefined
  /** Counts connection attempts and their ends, so that work for an earlier one can tell that it is obsolete. */
  #attempt = 0
  /** The latest goodbye: why the connection is about to end. */
  #goodbye: Goodbye | undefined
  /** Why the client itself has ended the connection. */
  #lost: Failure | undefined
  #unguard = (): void => undefined
  #connectedForMs = (): number => 0

  constructor(options: ConnectionOptions) {
    this.#options = options
    const { credentials, onChange, onError, onProved, onRefreshed } = options
    this.#credentials = credentials
    const { origin, path } = gatewayAddress(options.url)
    this.socket = createSocket(origin, path)
    this.#opening = new Opening(this.socket, options.offer, (reason) =>
      this.#reconnection.fail(this.#diagnosis.explainSilence(reason)),
    )
    this.requests = new Requests(this.socket, this.silence)
    this.delivery = new DeliveryDoubts(this.socket, { onProved, onChange })
    this.#reconnection = new Reconnection({ connect: () => void this.#connect(), onError, onChange })
    const address = `${origin.replace(/^ws/, 'http')}${path}`
    this.#diagnosis = new Diagnosis(address, (failure) => this.#reconnection.explain(failure))
    this.#refresh = new Refresh({
      socket: this.socket,
      requests: this.requests,
      ask: () => credentials.ask(),
      onRefreshed,
      onError,
      onAnother: (credential) => this.#reopen(credential),
    })
    this.#stopListening = listenToEnvironment({
      onHint: () => this.#onHint(),
      onBlocked: (blocked) => this.isConnected || this.#diagnosis.onBlocked(blocked),
    })
    this.socket.on('connect', () => this.#onConnect())
    this.socket.on('connect_error', (error) => this.#onConnectError(error))
    this.socket.on('disconnect', (reason, details) => this.#onDisconnect(reason, details))
    this.socket.on('hello', (hello) => this.#onHello(hello))
    this.socket.on('goodbye', (goodbye) => this.#onGoodbye(goodbye))
  }

  get isConnected(): boolean {
    return this.socket.connected
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Why the gateway refuses this client until a person acts; undefined if it does not. */
  get refusal(): Refusal | undefined {
    return this.#refusal
  }

  /** Why the latest attempt failed, or the latest connection was lost; undefined before that. */
  get failure(): Failure | undefined {
    return this.#reconnection.failure
  }

  /** When the next attempt begins, in ms since 1970; undefined while one is under way. */
  get retryAtMs(): number | undefined {
    return this.#reconnection.retryAtMs
  }

  /** Connects with a new credential. If connected, reconnects. Clears the refusal. */
  open(): void {
    this.#reopen()
  }

  /** For good. */
  close(): void {
    this.#isClosed = true
    this.#stopListening()
    this.#end()
  }

  #reopen(credential?: Credential): void {
    this.#refusal = undefined
    this.#credentials.forget()
    if (!this.#end()) return
    this.#isOpen = true
    void this.#connect(credential)
    this.#options.onChange()
  }

  /** Ends the connection or the attempt, and plans no other. Returns false if what listens to that has begun another, or closed. */
  #end(): boolean {
    this.#isOpen = false
    const attempt = ++this.#attempt
    this.#reconnection.reset()
    this.#opening.end()
    this.#diagnosis.reset()
    this.socket.disconnect()
    return attempt === this.#attempt
  }

  async #connect(given?: Credential): Promise<void> {
    const attempt = ++this.#attempt
    this.#reconnection.onAttempt()
    let credential = given
    try {
      credential ??= await this.#credentials.ask()
    } catch (error) {
      if (attempt !== this.#attempt) return
      const reason = credentialReason(error)
      // What was thrown may be undefined, and is told nevertheless.
      return this.#reconnection.fail({ code: 'NO_CREDENTIAL', reason }, error ?? new CredentialError(reason))
    }
    if (attempt !== this.#attempt) return
    const verdict = this.#credentials.known(credential)
    if (verdict !== undefined) return this.#follow(verdict)
    this.#opening.begin(credential)
    this.silence.listenTo(this.socket.io.engine)
  }

  #onConnect(): void {
    this.#opening.end()
    this.#reconnection.reset()
    this.#credentials.forget()
    this.#goodbye = undefined
    this.#diagnosis.reset()
    const { credential } = this.#opening
    if (credential !== undefined) this.#refresh.begin(credential)
    this.#connectedForMs = stopwatch()
    this.#options.onConnect()
    this.#options.onChange()
  }

  #onHello({ expiresInMs, silenceMs }: Hello): void {
    this.#refresh.expiresIn(expiresInMs)
    this.#unguard()
    this.#unguard = this.silence.guard(silenceMs, () => {
      this.#lost = { code: SILENT, reason: `nothing has arrived for ${silenceMs / 1_000} s` }
      this.socket.disconnect()
    })
  }

  #onConnectError(error: Error & { readonly data?: Partial<HandshakeRefusal> }): void {
    this.#opening.end()
    const { code, retry = false } = error.data ?? {}
    if (code === undefined) return this.#reconnection.fail(this.#diagnosis.explain(error))
    if (retry && code !== 'TOKEN_EXPIRED') return this.#reconnection.fail({ code, reason: error.message })
    this.#follow(this.#credentials.judge(this.#opening.credential, { code, message: error.message }))
  }

  #follow({ next, refusal }: Verdict): void {
    if (next === 'give-up') return this.#refuse(refusal)
    if (next === 'ask-now') return void this.#connect()
    const { code, message } = refusal
    this.#reconnection.fail({ code, reason: message }, new CredentialError(message))
  }

  #onDisconnect(reason: string, details: unknown): void {
    this.#unguard()
    this.#refresh.stop()
    this.delivery.clear()
    if (this.#connectedForMs() >= STABLE_AFTER_MS) this.#reconnection.resetBackoff()
    const { code, reason: said, retryInMs } = this.#goodbye ?? {}
    const told = code === undefined ? undefined : { code: String(code), reason: said ?? '' }
    const found = this.#lost ?? told ?? explainDisconnect(reason, details)
    // Until it was noticed, nothing could arrive either.
    const failure =
      found.code === SILENT ? { ...found, since: Math.round(Date.now() - this.silence.silentMs) } : found
    this.#goodbye = undefined
    this.#lost = undefined
    const attempt = this.#attempt
    this.#options.onDisconnect()
    if (!this.#isOpen || attempt !== this.#attempt) this.#options.onChange()
    else this.#reconnection.fail(failure, undefined, retryInMs)
  }

  #onGoodbye(goodbye: Goodbye): void {
    const attempt = this.#attempt
    this.#goodbye = goodbye
    this.#options.onGoodbye(goodbye)
    if (attempt !== this.#attempt || goodbye.code < FIRST_PERMANENT_GOODBYE) return
    this.#refuse({ code: String(goodbye.code), message: goodbye.reason })
  }

  #refuse(refusal: Refusal): void {
    this.#refusal = refusal
    this.#end()
    this.#options.onChange()
  }

  /** The device, the network or the page may be back: checks what may have ended meanwhile, and does not wait any longer. */
  #onHint(): void {
    if (this.isConnected) {
      this.silence.check()
      this.#refresh.check()
    } else if (this.#opening.isUnderWay && this.#reconnection.sinceAttemptMs > FRESH_MS) {
      this.#opening.end()
      this.socket.disconnect()
      void this.#connect()
    } else this.#reconnection.hurry()
  }
}
