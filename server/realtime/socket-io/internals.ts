import { existsSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { createRequire } from 'node:module'
import { Socket as TcpSocket } from 'node:net'
import { dirname, join } from 'node:path'
import type { Server, Socket } from 'socket.io'
import type { ClientToServer, ServerToClient } from '../../../shared/protocol.ts'
import type { Principal } from '../../auth/principal.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { PreparedEvent } from '../rooms/prepared-event.ts'

// With the `*-internals.ts` beside it, the only file that touches private fields of Socket.IO, Engine.IO and ws. Check them when
// one of the three is upgraded, then extend `TESTED_VERSIONS`.

type NoEvents = Record<string, never>

interface SocketData {
  principal: Principal
}

/** The Socket.IO server and its sockets, typed with the events of the protocol. */
export type GatewaySockets = Server<ClientToServer, ServerToClient, NoEvents, SocketData>
export type GatewaySocket = Socket<ClientToServer, ServerToClient, NoEvents, SocketData>
/** The Engine.IO connection below a socket. */
export type Connection = GatewaySocket['conn']

/** A broadcast event, of any kind, in the two forms in which it can be written. */
export type EncodedEvent = Pick<PreparedEvent<'messages-recalled'>, 'packet' | 'frame'>

/** A packet that waits in Engine.IO. */
export interface WaitingPacket {
  readonly data?: unknown
  readonly options?: object
}

/** Versions whose private fields and write order these files were tested with, as `socketIoVersions` returns them. */
const TESTED_VERSIONS = /^socket\.io 4\.8\.\d+, engine\.io 6\.6\.\d+, ws 8\.21\.\d+$/
const WS_OPEN = 1
/** Clients send messages whole; a proxy may split them. */
const MAX_FRAGMENTS = 16
/** 24 KiB over the slowest links arrive in fewer. */
const MAX_BUFFERED_CHUNKS = 64
/** Shared by all sockets. */
const EMPTY = Object.freeze({})
/** The only ones that the handshake check allows, of those that Engine.IO knows. Shared by all sockets. */
const PARAMETERS = Object.freeze({ EIO: '4', transport: 'websocket' })

/** Private fields of what reads messages for ws. As below, each of them may be missing. */
export interface Receiver {
  readonly _state?: number
  readonly _loop?: boolean
  readonly _bufferedBytes?: number
  readonly _fragmented?: number
  readonly _buffers?: readonly Buffer[]
  readonly _fragments?: readonly Buffer[]
}

/** Private fields of the WebSocket of ws. */
export interface WebSocket {
  readonly readyState?: number
  readonly isPaused?: boolean
  readonly bufferedAmount?: number
  readonly _socket?: unknown
  readonly _receiver?: Receiver
  readonly _sender?: object
  readonly _extensions?: object
  on?(event: 'ping' | 'pong', listener: (this: WebSocket) => void): void
  terminate?(): void
  pause?(): void
  resume?(): void
}

/** Private fields of a connection, and its transport. Each of them may be missing. */
export interface Internals {
  readonly pingIntervalTimer?: NodeJS.Timeout
  sendPacket?(type: 'ping'): void
  /** Packets not yet handed to the transport. */
  readonly writeBuffer?: WaitingPacket[]
  readonly transport?: {
    readonly name?: string
    readonly writable?: boolean
    readonly perMessageDeflate?: unknown
    readonly socket?: WebSocket
  }
}

export const internalsOf = (connection: Connection): Internals => connection as unknown as Internals

/**
 * Returns the versions in use of Socket.IO, and of what it is built on. Most private fields are those of Engine.IO and ws, which
 * an installation can upgrade by themselves.
 */
export function socketIoVersions(): string {
  let from = import.meta.url
  const versions = ['socket.io', 'engine.io', 'ws'].map((name) => {
    const require = createRequire(from)
    from = require.resolve(name)
    // Engine.IO does not export its own, and none of them has its main file more than one folder down.
    const manifest = [dirname(from), dirname(dirname(from))]
      .map((folder) => join(folder, 'package.json'))
      .find(existsSync)
    return `${name} ${manifest === undefined ? '?' : (require(manifest) as { readonly version: string }).version}`
  })
  return versions.join(', ')
}

export const isTestedVersion = (versions: string): boolean => TESTED_VERSIONS.test(versions)

/**
 * Returns the TCP socket below an open, uncompressed WebSocket to which everything sent so far has been written out;
 * undefined for any other connection. Bytes written to it overtake nothing.
 */
export function idleTcpSocket(connection: Connection): TcpSocket | undefined {
  const tcp = handedTcpSocket(connection)
  return tcp?.writableLength === 0 && connection.transport.writable ? tcp : undefined
}

/** The same, if everything sent so far has been handed to the TCP socket, whether it has been written out or not. */
export function handedTcpSocket(connection: Connection): TcpSocket | undefined {
  if (connection.readyState !== 'open') return undefined
  const { writeBuffer, transport } = internalsOf(connection)
  if (transport?.name !== 'websocket' || transport.perMessageDeflate) return undefined
  if (writeBuffer?.length !== 0) return undefined
  const { socket } = transport
  if (socket?.readyState !== WS_OPEN) return undefined
  const tcp = socket._socket
  return tcp instanceof TcpSocket ? tcp : undefined
}

/** Returns how many bytes are buffered for a connection, in Engine.IO and in ws. */
export function bufferedBytes(connection: Connection): number {
  const { writeBuffer, transport } = internalsOf(connection)
  let queued = 0
  for (const { data } of writeBuffer ?? []) if (typeof data === 'string') queued += data.length
  return queued + (transport?.socket?.bufferedAmount ?? 0)
}

/**
 * Resolves once everything sent on the connection has left this process, or the connection has closed: immediately unless
 * its peer reads slowly.
 */
export async function flushed(connection: Connection): Promise<void> {
  while (connection.readyState === 'open' && !isFlushed(connection)) {
    const { transport } = connection
    await new Promise<void>((resolve) => {
      const settle = (): void => {
        transport.off('ready', settle)
        connection.off('close', settle)
        resolve()
      }
      // Engine.IO's own listener runs first and flushes.
      transport.on('ready', settle)
      connection.on('close', settle)
    })
  }
}

/** Reads nothing from a connection for so long. What has been read already is still handled. */
export function pauseReading(connection: Connection, ms: number): void {
  const socket = internalsOf(connection).transport?.socket
  if (socket?.isPaused !== false) return
  socket.pause?.()
  setTimeout(() => socket.resume?.(), ms).unref()
}

function isFlushed(connection: Connection): boolean {
  const { writeBuffer = [] } = internalsOf(connection)
  return connection.transport.writable && writeBuffer.length === 0
}

/** Keeps Engine.IO from reading the parameters of a handshake, which have been checked, once more. */
export const presetParameters = (request: IncomingMessage): void =>
  void Object.assign(request, { _query: PARAMETERS })

/** Keeps Engine.IO from sending pings by itself. A pong would otherwise start the timer again. */
export function stopOwnPings(connection: Connection): void {
  const internals = internalsOf(connection)
  clearTimeout(internals.pingIntervalTimer)
  Object.assign(internals, { pingIntervalTimer: undefined })
}

/** Queues a ping of Engine.IO behind everything sent so far. */
export const pingThroughEngine = (connection: Connection): void =>
  internalsOf(connection).sendPacket?.('ping')

/**
 * Bounds the pieces of a message from a peer: fragments, and parts in which they arrive. Each piece takes memory beside its
 * bytes, and the defaults of ws let a message of 16 KiB pin 1.8 MB.
 */
export function boundFragments({ engine }: GatewaySockets, log: Logger): void {
  const { ws } = engine as unknown as { readonly ws?: { readonly options?: object } }
  if (ws?.options === undefined || !('maxFragments' in ws.options))
    return log.warn('unknown version of ws: the fragments of messages are not bounded')
  Object.assign(ws.options, { maxFragments: MAX_FRAGMENTS, maxBufferedChunks: MAX_BUFFERED_CHUNKS })
}

/**
 * Destroys the TCP socket below a connection. A close handshake would wait for a peer that does not read, and hold
 * everything buffered meanwhile.
 */
export function terminate(connection: Connection): void {
  internalsOf(connection).transport?.socket?.terminate?.()
}

/**
 * Releases the data of the handshake: the request with all its headers, and the credential. Socket.IO would hold them for
 * as long as the socket lives, and they take more memory than the gateway's own state for it.
 */
export function releaseHandshake({ conn, handshake }: GatewaySocket): void {
  Object.assign(handshake, { headers: EMPTY, query: EMPTY, auth: EMPTY, url: '', time: '' })
  const { socket: tcp } = conn.request
  // Engine.IO listens for the end of the TCP socket on behalf of a response that ended with the upgrade. Its listener holds
  // the request.
  for (const listener of tcp.rawListeners('close')) {
    if ('listener' in listener) tcp.off('close', listener.listener as () => void)
  }
  Object.assign(conn, { request: undefined })
}
