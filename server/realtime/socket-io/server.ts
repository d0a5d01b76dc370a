import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { Server } from 'socket.io'
import { GatewayError } from '../../../shared/errors.ts'
import { MAX_REQUEST_BYTES, silenceAfter, SOCKET_PATH } from '../../../shared/limits.ts'
import { endWithError } from '../../http/error-response.ts'
import type { OriginCheck } from '../../http/origins.ts'
import { joinWrites } from '../../lib/joined-writes.ts'
import type { MemoryBudget } from '../../lib/memory-budget.ts'
import { Turns } from '../../lib/turns.ts'
import { writeTogether } from '../../lib/written-together.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { returnInMs } from '../connection-limits.ts'
import type { ConnectionLimits } from '../connection-limits.ts'
import type { Dismiss } from '../drain.ts'
import { ReplayCache } from '../rooms/prepared-event.ts'
import { watchConnections } from './connection-watch.ts'
import { authenticateSockets, serveSocket } from './connection.ts'
import type { AuthenticationDependencies, SocketDependencies } from './connection.ts'
import { createHandshakeCheck, createHandshakeResponder } from './handshake.ts'
import { Heartbeat } from './heartbeat.ts'
import { boundFragments, isTestedVersion, presetParameters, socketIoVersions } from './internals.ts'
import type { Connection, GatewaySockets } from './internals.ts'
import { createWriter } from './socket-transport.ts'

/** Longer than our own, which is counted and logged. */
const CONNECT_TIMEOUT_MS = 15_000

/**
 * After a node is lost all its clients come at once. A client waits 20 s for a handshake: behind this many, at half a millisecond
 * each, it would still be in time. The headers of a usual one take 1 KiB.
 */
const HANDSHAKES = { sliceMs: 5, maxWaiting: 5_000, maxBytes: 16 * 1024 * 1024 }

/** Must be told to a client that speaks another one (RFC 6455, section 4.4). */
const VERSION = { 'Sec-WebSocket-Version': '13' }

interface SocketServerDependencies
  extends
    AuthenticationDependencies,
    Omit<SocketDependencies, 'write' | 'hold' | 'replayCache' | 'silenceMs' | 'shortcuts'> {
  readonly memory: Pick<MemoryBudget, 'add' | 'grew' | 'isPressed'>
  /** How often each connection is pinged. */
  readonly heartbeatMs: number
  readonly connections: ConnectionLimits
  readonly isAllowedOrigin: OriginCheck
  readonly log: Logger
}

/** The first transport: sessions over Socket.IO, on WebSocket alone. */
export function createSocketServer({
  heartbeatMs,
  connections,
  isAllowedOrigin,
  ...dependencies
}: SocketServerDependencies) {
  const { refusals, log } = dependencies
  const silenceMs = silenceAfter(heartbeatMs)
  const turns = new Turns(HANDSHAKES)
  const check = createHandshakeCheck(isAllowedOrigin, connections)
  const io: GatewaySockets = new Server({
    path: SOCKET_PATH,
    // WebSocket alone needs no sticky sessions.
    transports: ['websocket'],
    serveClient: false,
    perMessageDeflate: false,
    httpCompression: false,
    maxHttpBufferSize: MAX_REQUEST_BYTES,
    // Clients wait for their sum.
    pingInterval: heartbeatMs,
    pingTimeout: silenceMs - heartbeatMs,
    connectTimeout: CONNECT_TIMEOUT_MS,
  })
  // Socket.IO gets the connections that pass the check, rather than a server of its own to listen on.
  io.attach(createServer())
  // Its own takes 5 µs for each connection. Nobody can use it: a connection cannot take over another's.
  io.engine.generateId = () => randomUUID()
  boundFragments(io, log)
  authenticateSockets(io, { ...dependencies, isDraining: connections.isDraining })
  const isTested = isTestedVersion(socketIoVersions())
  const heartbeat = isTested ? new Heartbeat(heartbeatMs) : undefined
  const watch = watchConnections(io, { ...dependencies, heartbeat })
  io.engine.on('connection', (connection: Connection) =>
    watch.add(connection, connections.add(connection.request)),
  )
  io.engine.on('connection_error', ({ message }: { readonly message: string }) =>
    refusals.report('handshake', new GatewayError('REQUEST_MALFORMED', message)),
  )
  const { hold } = watch
  const write = createWriter(log, watch)
  const shortcuts = { isTested, wrote: watch.wrote }
  const serving = { ...dependencies, silenceMs, shortcuts, write, hold, replayCache: new ReplayCache() }
  io.on('connection', (socket) => serveSocket(socket, serving))

  return {
    path: SOCKET_PATH,

    /** Opens a WebSocket, or responds with the reason why not. */
    accept(request: IncomingMessage, socket: Duplex, head: Buffer): void {
      const refuse = (error: GatewayError): void =>
        endWithError(socket, refusals.report('handshake', error, { request }), VERSION)
      // Waiting would take memory.
      const early = dependencies.memory.isPressed() ? check(request) : undefined
      if (early) return refuse(early)
      // Until somebody else listens, an error would end the process.
      const ignore = (): void => undefined
      socket.on('error', ignore)
      const isWaiting = turns.take(
        () => {
          socket.off('error', ignore)
          if (socket.destroyed) return
          const error = check(request)
          if (error) return refuse(error)
          // The response, and the first packet of Engine.IO.
          joinWrites(socket)
          writeTogether(socket)
          presetParameters(request)
          io.engine.handleUpgrade(request, socket, head)
          // The head too, by now.
          if (socket.readableLength > 0) holdUntilHeard(socket)
        },
        headerBytes(request) + head.length,
      )
      if (isWaiting) return
      const busy = new GatewayError('NODE_FULL', 'too many handshakes wait', { retryInMs: returnInMs() })
      refuse(check(request) ?? busy)
    },

    /** Responds to requests at the path that are not for a WebSocket; returns false for any other. */
    respond: createHandshakeResponder(check, refusals) as (
      request: IncomingMessage,
      response: ServerResponse,
    ) => boolean,

    count: (): number => io.of('/').sockets.size,
    /** Returns how many bytes are buffered for the slowest connection. */
    maxBufferedBytes: watch.maxBufferedBytes,

    /** Connections are closed rather than sessions: clients do not reconnect after those. */
    dismissals: (): Dismiss[] =>
      [...io.of('/').sockets.values()].map((socket) => (goodbye) => {
        socket.emit('goodbye', goodbye)
        socket.conn.close()
      }),

    stop(): void {
      turns.stop()
      watch.stop()
      // Not `disconnectSockets`: clients do not reconnect after it.
      io.engine.close()
    },
  }
}

/**
 * No client should send anything before it has the response (RFC 6455, section 4.1), but some do. Engine.IO begins to listen a
 * few promises after it has the connection, and whole frames would be lost until then.
 */
function holdUntilHeard(socket: Duplex): void {
  socket.pause()
  setImmediate(() => socket.resume())
}

const headerBytes = ({ url = '', rawHeaders }: IncomingMessage): number =>
  rawHeaders.reduce((bytes, text) => bytes + text.length, url.length)
