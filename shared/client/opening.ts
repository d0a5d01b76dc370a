import { io } from 'socket.io-client'
import type { SubscribeRequest } from '../protocol.ts'
import { VERSION } from '../version.ts'
import { MAX_TIMER_MS } from './clocks.ts'
import type { Credential } from './credential.ts'
import type { RecallSocket } from './requests.ts'

/** From the first packet of TCP to the node's answer to the handshake. */
const TIMEOUT_MS = 20_000

/** Returns a socket that is not connected, and does not reconnect by itself. */
export const createSocket = (origin: string, path: string): RecallSocket =>
  io(origin, {
    path,
    transports: ['websocket'],
    autoConnect: false,
    reconnection: false,
    forceNew: true,
    // In place of this one, `Opening` has one that covers the handshake.
    timeout: MAX_TIMER_MS,
  })

/** An attempt to connect, until the gateway answers or it is known that none does. One at a time. */
export class Opening {
  readonly #socket: RecallSocket
  readonly #offer: (auth: object) => readonly SubscribeRequest[]
  readonly #onFail: (reason: string) => void
  #credential: Credential | undefined
  #timer: ReturnType<typeof setTimeout> | undefined

  /** `offer` returns what goes with a credential. `onFail` is called for what the socket itself does not tell. */
  constructor(
    socket: RecallSocket,
    offer: (auth: object) => readonly SubscribeRequest[],
    onFail: (reason: string) => void,
  ) {
    this.#socket = socket
    this.#offer = offer
    this.#onFail = onFail
  }

  get isUnderWay(): boolean {
    return this.#timer !== undefined
  }

  /** What the latest attempt began with. */
  get credential(): Credential | undefined {
    return this.#credential
  }

  begin(credential: Credential): void {
    this.#credential = credential
    const auth = { ...credential, protocolVersion: VERSION }
    // Called once the connection is open, when the packet is sent.
    this.#socket.auth = (send) => {
      const subscribe = this.#offer(auth)
      send(subscribe.length > 0 ? { ...auth, subscribe } : auth)
    }
    this.#socket.connect()
    const { engine } = this.#socket.io
    // Without an error, nothing else would tell of it before the first packet. A refusal closes it by force.
    engine.once('close', (reason) => {
      if (engine === this.#socket.io.engine && reason !== 'forced close')
        this.#fail('the connection ended before a gateway had answered')
    })
    const { transport } = engine as unknown as {
      readonly transport: { readonly ws?: unknown; doOpen(): void }
    }
    // The constructor of a WebSocket throws if the page must not connect to the address. Engine.IO begins to listen only
    // afterwards, and would wait for a timeout. It hears of it if it opens once more.
    if (transport.ws === undefined) queueMicrotask(() => this.isUnderWay && transport.doOpen())
    this.#timer = setTimeout(
      () => this.#fail(`no gateway has answered within ${TIMEOUT_MS / 1_000} s`),
      TIMEOUT_MS,
    )
  }

  /** To be called when the gateway answers, or the attempt is given up. */
  end(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #fail(reason: string): void {
    if (!this.isUnderWay) return
    this.end()
    // Otherwise, it would count as still opening, and not be opened again.
    this.#socket.disconnect()
    this.#onFail(reason)
  }
}
