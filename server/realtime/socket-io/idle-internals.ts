import { internalsOf, isTestedVersion, socketIoVersions } from './internals.ts'
import type { Connection, GatewaySocket, WebSocket } from './internals.ts'
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
type Listeners = Record<string, Listener | Listener[] | undefined>

/** Private fields of an emitter of Node, and of the parts of ws. Each of them may be missing. */
interface Listening {
  _events?: Listeners
  _eventsCount?: number
}
interface Extended {
  _extensions?: object
}

interface IdleTransport {
  readonly socket?: WebSocket
  onData(message: unknown): void
  onClose(): void
  onError(error: Error): void
}

interface IdleConnection {
  cleanupFn: readonly never[]
  sentCallbackFn: object
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
 * Replaces what Engine.IO and ws hold for each connection by what all can share: listeners, and what is empty. To be called once
 * all have begun to listen: what is dropped as young as that leaves no holes in memory. Nothing depends on it, and it does
 * nothing in a version that was not tested.
 */
export function settleConnection(connection: Connection): void {
  const { transport } = internalsOf(connection)
  const webSocket = transport?.socket
  if (!isTested || connectionAbove(webSocket) !== connection) return
  if (!isUsual(transport, TRANSPORT_LISTENERS) || !isUsual(webSocket, WEB_SOCKET_LISTENERS)) return
  compact(transport, TRANSPORT_LISTENERS)
  compact(webSocket, WEB_SOCKET_LISTENERS)
  const idle = connection as unknown as IdleConnection & Listening
  // Engine.IO would take its listeners from the transport once the connection is closed, when they do nothing.
  idle.cleanupFn = NOTHING
  idle.sentCallbackFn = NOBODY_WAITS
  if (Object.keys(webSocket?._extensions ?? EMPTY).length === 0)
    for (const part of [webSocket, webSocket?._receiver, webSocket?._sender] as (Extended | undefined)[])
      if (part) part._extensions = EMPTY
  compact(connection, CONNECTION_LISTENERS)
  // Engine.IO would remove its own with the first, but there is no second.
  const close = idle._events?.['close']
  if (Array.isArray(close)) close.forEach(({ listener }, i) => void (listener && (close[i] = listener)))
  compact(webSocket?._socket, TCP_LISTENERS)
  compact(webSocket?._receiver, RECEIVER_LISTENERS)
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
  compact(socket, SOCKET_LISTENERS)
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

/** The listeners of a kind of emitter. */
interface Table {
  /** The events that somebody listens to, usually. */
  readonly names: readonly string[]
  /** What replaces the listeners to some of them. Null for those that are never called. */
  readonly shared: Readonly<Record<string, Listener | null>>
  /**
   * Makes objects without a prototype that share a shape. Those that Node makes are tables of their own, three times as large.
   */
  readonly Shape: new () => Listeners
}

function tableOf(names: readonly string[], shared: object = {}): Table {
  function Shape(): void {
    // Empty: the names come one by one, always in the same order.
  }
  Shape.prototype = Object.create(null)
  return { names, shared: { __proto__: null, ...shared }, Shape: Shape as unknown as Table['Shape'] }
}

// `headers`: of the responses that a transport other than WebSocket sends.
const TRANSPORT_LISTENERS = tableOf(['error', 'ready', 'packet', 'drain', 'close', 'headers'], {
  ...ofTransport,
  headers: null,
})
const WEB_SOCKET_LISTENERS = tableOf(['error', 'message', 'close', 'ping', 'pong'], ofWebSocket)
const CONNECTION_LISTENERS = tableOf(['close', 'data', 'error', 'packet'])
const TCP_LISTENERS = tableOf(['close', 'error', 'data', 'end'])
const RECEIVER_LISTENERS = tableOf(['error', 'drain', 'conclude', 'message', 'ping', 'pong'])
const SOCKET_LISTENERS = tableOf(['error', 'disconnect'])

/** Whether somebody listens to all the events of a table, and to no others. */
function isUsual(emitter: unknown, { names }: Table): boolean {
  const { _events: listeners, _eventsCount: count } = (emitter ?? EMPTY) as Listening
  return count === names.length && names.every((name) => listeners?.[name] !== undefined)
}

/**
 * Keeps the listeners of an emitter in less room. It goes by the usual names, because a table that Node made takes long to go
 * through, and leaves several listeners to one event in the array that Node made: from Node 24 on, any other loses those behind
 * one that is removed while they are called.
 */
function compact(emitter: unknown, table: Table): void {
  const listening = (emitter ?? EMPTY) as Listening
  const { _events: listeners } = listening
  if (listeners === undefined) return
  const kept = new table.Shape()
  let count = 0
  for (const name of isUsual(emitter, table) ? table.names : Object.keys(listeners)) {
    const listener = table.shared[name] === undefined ? listeners[name] : table.shared[name]
    if (!listener) continue
    kept[name] = listener
    count++
  }
  listening._events = kept
  listening._eventsCount = count
}
