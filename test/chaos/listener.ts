import { io } from 'socket.io-client'
import type { Socket } from 'socket.io-client'
import type { Position } from '../../shared/position.ts'
import type { ClientToServer, ServerToClient, Subscribed } from '../../shared/protocol.ts'
import type { Room } from '../../shared/room.ts'
import { withTimeout } from '../support/wait.ts'
import { resumeReading, stall, terminate } from '../support/web-socket.ts'
import type { ReceivedEvent } from './recorder.ts'
import { FIRST_FILLER_SEQ } from './sender.ts'
import { seqsOf } from '../support/seqs.ts'

const MAX_RECONNECT_DELAY_MS = 100
const SUBSCRIBE_RETRY_DELAY_MS = 100
const CONNECT_TIMEOUT_MS = 10_000
/** Generous, because many listeners start at the same time. */
const SUBSCRIBE_TIMEOUT_MS = 60_000

type GatewaySocket = Socket<ServerToClient, ClientToServer>

interface ListenerOptions {
  /** Nodes. After each lost connection the listener tries the next one. */
  readonly urls: readonly string[]
  readonly room: Room
  readonly token: string
  readonly record: (event: ReceivedEvent) => void
}

/** A client that follows PROTOCOL.md: it remembers its position, and resumes from it at any node. */
export interface Listener {
  isSubscribed(): boolean
  /** Terminates the connection without a close frame. The listener reconnects by itself. */
  drop(): void
  /** Stops reading and stays connected. */
  stall(): void
  resumeReading(): void
  /** Terminates the connection and does not reconnect. */
  disconnect(): void
  reconnect(): void
  close(): void
}

/** Resolves once the listener has subscribed to its room. */
export async function startListener({ urls, room, token, record }: ListenerOptions): Promise<Listener> {
  let since: Position | undefined
  let isSubscribed = false
  let isDisconnected = false
  let turn = Math.floor(Math.random() * urls.length)
  let current: GatewaySocket | undefined
  let resolveSubscribed = (): void => undefined
  const subscribed = new Promise<void>((resolve) => (resolveSubscribed = resolve))

  function connect(): void {
    if (isDisconnected) return
    current = sockets[turn++ % sockets.length]
    current?.connect()
  }
  function reconnectSoon(): void {
    isSubscribed = false
    setTimeout(connect, Math.random() * MAX_RECONNECT_DELAY_MS)
  }
  function subscribe(socket: GatewaySocket): void {
    const { id } = socket
    socket.emit('subscribe', { ...room, ...(since && { since }) }, (response) => {
      if (response.ok) return onSubscribed(response)
      if (!response.retry) throw new Error(`refused: ${response.code} ${response.message}`)
      // A later connection of the same socket subscribes by itself.
      setTimeout(() => socket.id === id && subscribe(socket), SUBSCRIBE_RETRY_DELAY_MS)
    })
  }
  function onSubscribed({ position, recovered, gap }: Subscribed): void {
    record({ kind: 'subscribed', atMs: performance.now(), position, recovered, ...(gap && { gap }) })
    if (since === undefined || gap !== undefined) since = position
    isSubscribed = true
    resolveSubscribed()
  }
  const createSocket = (url: string): GatewaySocket => {
    const socket: GatewaySocket = io(url, {
      transports: ['websocket'],
      forceNew: true,
      // Socket.IO would only reconnect to the same node.
      reconnection: false,
      autoConnect: false,
      timeout: CONNECT_TIMEOUT_MS,
      auth: { token },
    })
    socket.on('connect', () => subscribe(socket))
    socket.on('disconnect', () => {
      // What it could not send any more would go out first on its next connection, with an older position.
      socket.sendBuffer.length = 0
      reconnectSoon()
    })
    socket.on('connect_error', reconnectSoon)
    socket.on('messages-recalled', ({ epoch, notices }) => {
      for (const { offset, messages } of notices) {
        since = { epoch, offset }
        record({
          kind: 'notice',
          atMs: performance.now(),
          position: since,
          seqs: seqsOf(messages).filter((seq) => seq < FIRST_FILLER_SEQ),
        })
      }
    })
    socket.on('gap', ({ position, reason }) => {
      since = position
      record({ kind: 'gap', atMs: performance.now(), position, gap: reason })
    })
    return socket
  }
  const sockets = urls.map(createSocket)
  const drop = (): void => terminate(current)
  connect()
  await withTimeout('a listener has subscribed', subscribed, SUBSCRIBE_TIMEOUT_MS)

  return {
    isSubscribed: () => isSubscribed,
    drop,
    stall: () => stall(current),
    resumeReading: () => resumeReading(current),
    disconnect() {
      isDisconnected = true
      drop()
    },
    reconnect() {
      isDisconnected = false
      connect()
    },
    close() {
      isDisconnected = true
      for (const socket of sockets) socket.close()
    },
  }
}
