import { internalsOf, isTestedVersion, socketIoVersions } from './internals.ts'
import type { Connection, GatewaySocket, WebSocket } from './internals.ts'
import { EventEmitter } from 'node:events'
import { connectionAbove } from './receiving-internals.ts'

// What a connection holds while nothing happens on it, by the private fields of Socket.IO, Engine.IO and ws; see `internals.ts`.

const isTested = isTestedVersion(socketIoVersions())

/** Shared by all connections, which only read them. */
const EMPTY = Object.freeze({})
const NOTHING: readonly never[] = Object.freeze([])
/** Acknowledgements that a client was asked for. The gateway asks for none. */
const NO_ACKS: ReadonlyMap<unknown, unknown> = new Map()
/** Engine.IO notes for each write who waits for it. Nobody does. */
const NOBODY_WAITS = Object.freeze({ length: 0, push: () => 0, shift: () => undefined })

type Listener = ((...values: never[]) => unknown) & { readonly listener?: Listener }
type Listeners = Record<string, Listener | readonly Listener[] | undefined>
type Shape = new () => Listeners

interface IdleTransport {
  readonly socket?: WebSocket
  onData(message: unknown): void
  onClose(): void
  onError(error: Error): void
}

interface IdleConnection {
  readonly transport: IdleTransport
  flush(): void
  onPacket(packet: unknown): void
  onDrain(): void
  onError(error: Error): void
  onClose(reason: string): void
}

interface IdleSocket {
  readonly acks?: ReadonlyMap<unknown, unknown>
  readonly _anyListeners?: readonly unknown[]
  readonly client?: {
    readonly sockets?: ReadonlyMap<unknown, unknown>
    readonly nsps?: ReadonlyMap<unknown, unknown>
    readonly decoder?: { readonly _callbacks?: Record<string, readonly unknown[]> }
  }
}

const connectionOf = ({ socket }: IdleTransport): IdleConnection | undefined =>
  connectionAbove(socket) as unknown as IdleConnection | undefined

/** What Engine.IO makes for each connection: it listens to its transport, and the transport to ws. */
const ofTransport = {
  error(this: IdleTransport, error: Error): void {
    connectionOf(this)?.onError(error)
  },
  ready(this: IdleTransport): void {
    connectionOf(this)?.flush()
  },
  packet(this: IdleTransport, packet: unknown): void {
    connectionOf(this)?.onPacket(packet)
  },
  drain(this: IdleTransport): void {
    connectionOf(this)?.onDrain()
  },
  close(this: IdleTransport): void {
    connectionOf(this)?.onClose('transport close')
  },
}
const transportOf = (webSocket: WebSocket): IdleTransport | undefined =>
  (connectionAbove(webSocket) as unknown as IdleConnection | undefined)?.transport

const ofWebSocket = {
  message(this: WebSocket, data: Buffer, isBinary: boolean): void {
    transportOf(this)?.onData(isBinary ? data : data.toString())
  },
  close(this: WebSocket): void {
    transportOf(this)?.onClose()
  },
  error(this: WebSocket, error: Error): void {
    transportOf(this)?.onError(error)
  },
}

/**
 * Replaces what Engine.IO and ws hold for each connection by what all can share: listeners, and what is empty. To be called once all
 * have begun to listen: what is dropped as young as that leaves no holes in memory. Nothing depends on it, and it does nothing in a
 * version that was not tested.
 */
export function settleConnection(connection: Connection): void {
  const { transport } = internalsOf(connection)
  const webSocket = transport?.socket
  if (!isTested || connectionAbove(webSocket) !== connection) return
  // `headers`: of the responses that a transport other than WebSocket sends.
  if (!isListenedTo(transport, ofTransport, ['headers'])) return
  if (!isListenedTo(webSocket, ofWebSocket, ['ping', 'pong'])) return
  const { ping, pong } = listenersOf(webSocket) ?? {}
  setListeners(transport, TransportListeners, ofTransport)
  setListeners(webSocket, WebSocketListeners, { ...ofWebSocket, ping, pong })
  // Engine.IO would take its listeners from the transport once the connection is closed, when they do nothing.
  Object.assign(connection, { cleanupFn: NOTHING, sentCallbackFn: NOBODY_WAITS })
  if (Object.keys(webSocket?._extensions ?? EMPTY).length === 0)
    for (const part of [webSocket, webSocket?._receiver, webSocket?._sender])
      if (part) Object.assign(part, { _extensions: EMPTY })
  compact(connection, ConnectionListeners, ['close'])
  compact(webSocket?._socket, TcpListeners)
  compact(webSocket?._receiver, ReceiverListeners)
}

/** Drops what Socket.IO needed for the handshake, and spare room. To be called once a socket is served; otherwise as above. */
export function settleSocket(socket: GatewaySocket): void {
  if (!isTested) return
  const { acks, _anyListeners: anyListeners, client } = socket as unknown as IdleSocket
  if (acks?.size === 0) Object.assign(socket, { acks: NO_ACKS })
  if (anyListeners) Object.assign(socket, { _anyListeners: anyListeners.slice() })
  Object.assign(socket, { handshake: EMPTY })
  const { sockets, nsps, decoder } = client ?? {}
  if (client && sockets?.size === 1 && nsps?.size === 1)
    Object.assign(client, { sockets: new Single(sockets), nsps: new Single(nsps) })
  const callbacks = decoder?._callbacks ?? {}
  for (const [name, listeners] of Object.entries(callbacks)) callbacks[name] = listeners.slice()
  compact(socket, SocketListeners)
}

/** A map of one entry, as Socket.IO uses those of its clients. A `Map` takes four times the memory. */
class Single {
  #key: unknown
  #value: unknown
  size = 0

  constructor(map: ReadonlyMap<unknown, unknown>) {
    for (const [key, value] of map) this.set(key, value)
  }

  has(key: unknown): boolean {
    return this.size === 1 && this.#key === key
  }

  get(key: unknown): unknown {
    return this.has(key) ? this.#value : undefined
  }

  /** A connection carries one socket: a second one is refused before. */
  set(key: unknown, value: unknown): this {
    this.#key = key
    this.#value = value
    this.size = 1
    return this
  }

  delete(key: unknown): boolean {
    const isKnown = this.has(key)
    if (isKnown) this.clear()
    return isKnown
  }

  clear(): void {
    this.size = 0
    this.#key = undefined
    this.#value = undefined
  }

  values(): unknown[] {
    return this.size === 1 ? [this.#value] : []
  }
}

/** A class of objects without a prototype that share a shape. Those that Node makes are tables of their own, three times as large. */
function createShape(): Shape {
  function Shape(): void {
    // Empty: the names come one by one, always in the same order.
  }
  Shape.prototype = Object.create(null)
  return Shape as unknown as Shape
}

const SocketListeners = createShape()
const ConnectionListeners = createShape()
const TransportListeners = createShape()
const WebSocketListeners = createShape()
const TcpListeners = createShape()
const ReceiverListeners = createShape()

const listenersOf = (emitter: unknown): Listeners | undefined =>
  (emitter as { readonly _events?: Listeners } | undefined)?._events

/** Whether somebody listens to all these events of an emitter, and to no others but some of `more`. */
function isListenedTo(emitter: unknown, events: object, more: readonly string[]): boolean {
  const listeners = listenersOf(emitter) ?? {}
  const isKnown = (name: string): boolean => name in events || more.includes(name)
  return Object.keys(events).every((name) => listeners[name]) && Object.keys(listeners).every(isKnown)
}

/**
 * Sets all listeners of an emitter. Node adds them itself: from Node 24 on, an array of listeners that it has not made loses those behind
 * one that is removed while they are called.
 */
function setListeners(emitter: unknown, Shape: Shape, listeners: Listeners): void {
  const target = emitter as EventEmitter
  Object.assign(target, { _events: new Shape(), _eventsCount: 0 })
  // That of streams would begin to read.
  const { on } = EventEmitter.prototype
  for (const [name, listening] of Object.entries(listeners))
    for (const listener of listening === undefined ? [] : [listening].flat())
      on.call(target, name, listener as () => void)
}

/** Keeps the listeners of an emitter in less room. It does not matter how often it emits these `ends`: it ends with the first. */
function compact(emitter: unknown, Shape: Shape, ends: readonly string[] = []): void {
  const listeners = listenersOf(emitter)
  if (listeners === undefined) return
  const compacted: Listeners = {}
  for (const [name, listening] of Object.entries(listeners)) {
    const plain = (listener: Listener): Listener =>
      ends.includes(name) ? (listener.listener ?? listener) : listener
    if (listening) compacted[name] = typeof listening === 'function' ? plain(listening) : listening.map(plain)
  }
  setListeners(emitter, Shape, compacted)
}
