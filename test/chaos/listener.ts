import { io } from 'socket.io-client'
import type { Socket } from 'socket.io-client'
import type { Position } from '../../shared/position.ts'
import type { ClientToServer, ServerToClient, Subscribed } from '../../shared/protocol.ts'
import type { Room } from '../../shared/room.ts'
import { soon } from '../support/wait.ts'
import { readOn, stall, terminate } from '../support/web-socket.ts'
import type { Heard } from './recorder.ts'
import { FILLERS_FROM } from './sender.ts'

const MAX_RECONNECT_DELAY_MS = 100
const ASK_AGAIN_AFTER_MS = 100
const CONNECT_TIMEOUT_MS = 10_000
/** Many begin at once. */
const JOIN_TIMEOUT_MS = 60_000

type GatewaySocket = Socket<ServerToClient, ClientToServer>

interface ListenerOptions {
  /** Nodes; after each lost connection the next one is tried. */
  readonly urls: readonly string[]
  readonly room: Room
  readonly token: string
  /** Writes down what is heard. */
  readonly hear: (heard: Heard) => void
}

/** A client as PROTOCOL.md wants it: keeps its position, and comes back with it to whatever node there is. */
export interface Listener {
  isListening(): boolean
  /** Cuts the connection without a word; the listener comes back by itself. */
  cut(): void
  /** Reads nothing more, and stays connected. */
  stall(): void
  readOn(): void
  /** Cuts the connection, and stays away. */
  leave(): void
  comeBack(): void
  close(): void
}

/** Resolves once it is in the room. */
export async function startListener({ urls, room, token, hear }: ListenerOptions): Promise<Listener> {
  let since: Position | undefined
  let isListening = false
  let isAway = false
  let turn = Math.floor(Math.random() * urls.length)
  let current: GatewaySocket | undefined
  let firstAnswer = (): void => undefined
  const entered = new Promise<void>((resolve) => (firstAnswer = resolve))

  function connect(): void {
    if (isAway) return
    current = sockets[turn++ % sockets.length]
    current?.connect()
  }
  function comeBackSoon(): void {
    isListening = false
    setTimeout(connect, Math.random() * MAX_RECONNECT_DELAY_MS)
  }
  function subscribe(socket: GatewaySocket): void {
    const { id } = socket
    socket.emit('subscribe', { ...room, ...(since && { since }) }, (answer) => {
      if (answer.ok) return enter(answer)
      if (!answer.retry) throw new Error(`refused: ${answer.code} ${answer.message}`)
      // Not on a later connection of the same socket, which asks by itself.
      setTimeout(() => socket.id === id && subscribe(socket), ASK_AGAIN_AFTER_MS)
    })
  }
  function enter({ position, recovered, gap }: Subscribed): void {
    hear({ kind: 'subscribed', atMs: performance.now(), position, recovered, ...(gap && { gap }) })
    if (since === undefined || gap !== undefined) since = position
    isListening = true
    firstAnswer()
  }
  const open = (url: string): GatewaySocket => {
    const socket: GatewaySocket = io(url, {
      transports: ['websocket'],
      forceNew: true,
      // The library would only ever come back to the same node.
      reconnection: false,
      autoConnect: false,
      timeout: CONNECT_TIMEOUT_MS,
      auth: { token },
    })
    socket.on('connect', () => subscribe(socket))
    socket.on('disconnect', comeBackSoon).on('connect_error', comeBackSoon)
    socket.on('messages-recalled', ({ epoch, notices }) => {
      for (const { offset, messages } of notices) {
        since = { epoch, offset }
        hear({
          kind: 'notice',
          atMs: performance.now(),
          position: since,
          seqs: messages.map(({ seq }) => seq).filter((seq) => seq < FILLERS_FROM),
        })
      }
    })
    socket.on('gap', ({ position, reason }) => {
      since = position
      hear({ kind: 'gap', atMs: performance.now(), position, gap: reason })
    })
    return socket
  }
  const sockets = urls.map(open)
  const cut = (): void => terminate(current)
  connect()
  await soon('a listener is in its room', entered, JOIN_TIMEOUT_MS)

  return {
    isListening: () => isListening,
    cut,
    stall: () => stall(current),
    readOn: () => readOn(current),
    leave() {
      isAway = true
      cut()
    },
    comeBack() {
      isAway = false
      connect()
    },
    close() {
      isAway = true
      for (const socket of sockets) socket.close()
    },
  }
}
